// Which way the listener goes through a recording: silences are jumped over, a loop is gone round, events are steps.
// Pure figures in milliseconds from the beginning of the recording.

export type Span = [from: number, to: number]

export interface Course {
  durationMs: number
  silences: Span[]
  skipsSilence: boolean
  loop: Span | null
}

/** A loop shorter than this is a mistake of the finger. */
export const MIN_LOOP_MS = 300
/** "Back" means the event before the one that has just begun. */
const JUST_BEGUN_MS = 1500

/** Where to go on from `ms`: usually there; null when the recording is over. */
export function onward(course: Course, ms: number): number | null {
  const { loop } = course
  const over = loop ? ms >= loop[1] : ms >= course.durationMs
  if (over) return loop ? loop[0] : null
  if (!course.skipsSilence) return ms
  const silence = course.silences.find(([from, to]) => ms >= from && ms < to)
  if (!silence) return ms
  if (loop && silence[1] >= loop[1]) return loop[0] >= silence[0] ? ms : loop[0]
  return silence[1]
}

/** Jumps that are looked ahead over at once: a short loop has many. */
const MOST_SPANS = 4

/** What of the recording will be heard from `ms` on for so long. */
export function ahead(course: Course, ms: number, lengthMs: number): Span[] {
  const spans: Span[] = []
  let left = lengthMs
  let at = onward(course, ms)
  while (at !== null && left > 0 && spans.length < MOST_SPANS) {
    const from: number = at
    const silence = course.skipsSilence ? course.silences.find(([begin]) => begin > from) : undefined
    const end = Math.min(from + left, course.loop?.[1] ?? course.durationMs, silence?.[0] ?? Infinity)
    spans.push([from, end])
    left -= Math.max(1, end - from)
    at = onward(course, end)
  }
  return spans
}

export const loopOf = (a: number, b: number): Span | null => {
  const span: Span = a < b ? [a, b] : [b, a]
  return span[1] - span[0] >= MIN_LOOP_MS ? span : null
}

export const nextEvent = (moments: number[], ms: number): number | null => moments.find((moment) => moment > ms + 50) ?? null
export const previousEvent = (moments: number[], ms: number): number | null => moments.findLast((moment) => moment < ms - JUST_BEGUN_MS) ?? null
/** Where somebody speaks again. */
export const nextSpeech = (silences: Span[], ms: number): number | null => silences.find(([, to]) => to > ms + 50)?.[1] ?? null

/** Spans joined where they touch or overlap, in order. */
export function joined(spans: Span[]): Span[] {
  const all: Span[] = []
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = all.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else all.push([from, to])
  }
  return all
}
