// What people call a browser and its system, from what it calls itself (RFC 9110 10.1.5). Only for them to know it again.

const BROWSERS: [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\/(\d+)/, 'Edge'],
  [/OPR\/(\d+)/, 'Opera'],
  [/SamsungBrowser\/(\d+)/, 'Samsung Internet'],
  [/Firefox\/(\d+)|FxiOS\/(\d+)/, 'Firefox'],
  [/Chrome\/(\d+)|CriOS\/(\d+)/, 'Chrome'],
  [/Version\/(\d+)[^ ]* (?:Mobile\/\w+ )?Safari/, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
]

/** As in "Firefox 131, Windows"; what it calls itself where we do not know it, cut short. */
export function browserName(agent: string): string {
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1]
  for (const [pattern, name] of BROWSERS) {
    const found = pattern.exec(agent)
    if (found) return [`${name} ${found[1] ?? found[2]}`, system].filter(Boolean).join(', ')
  }
  return agent.slice(0, 40)
}
