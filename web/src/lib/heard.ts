// Listening is journalled by blocks of seconds; a reader of a history wants to know what was listened to, not how it came.
import type { TimelineItem } from './api/types'

const whoOf = ({ actor, reason, recording, contact }: TimelineItem) =>
  [typeof actor === 'string' ? actor : `${actor?.kind} ${actor?.id}`, reason ?? '', recording ?? '', contact ?? ''].join('\n')

const secondsOf = ({ data }: TimelineItem): [number, number] | null =>
  Array.isArray(data?.seconds) ? [Number(data.seconds[0]), Number(data.seconds[1])] : null

/** Entries of one listener that follow each other, in the history and in the sound, as one. */
export function folded(items: TimelineItem[]): TimelineItem[] {
  const all: TimelineItem[] = []
  for (const item of items) {
    const last = all.at(-1)
    if (item.type === 'access.played' && last?.type === 'access.played' && whoOf(item) === whoOf(last)) {
      const [before, now] = [secondsOf(last), secondsOf(item)]
      if (before && now && now[0] <= before[1] && now[1] >= before[0]) {
        all[all.length - 1] = { ...last, data: { ...last.data, seconds: [Math.min(before[0], now[0]), Math.max(before[1], now[1])] } }
        continue
      }
    }
    all.push(item)
  }
  return all
}
