// Skills as people write them: `water=3, heating=5`.

/** Name and level by pair; null when something is no pair, or no level from 1 to 5. */
export function parseSkills(text: string): Record<string, number> | null {
  const skills: Record<string, number> = {}
  for (const pair of text.split(',').map((part) => part.trim()).filter((part) => part !== '')) {
    const match = /^([^=\s][^=]*?)\s*=\s*([1-5])$/.exec(pair)
    if (!match) return null
    skills[match[1]!] = Number(match[2])
  }
  return skills
}
