// The city's time zone, for the citizens' page: what happens there is told by the city's clock, wherever the reader is. Known
// from the first answer that has times in it; until then there are no times to show.
import type { Moment } from './api/types'
import { clock } from './clock.svelte'
import { i18n } from './i18n/index.svelte'
import { dateTimeThere, sameClock, zoneName } from './time'

let zone = $state<string | undefined>()

export const cityZone = {
  /** None until it is known, or where this browser does not know it: then its own clock has to do. */
  get name() { return zone },
  /** The zone in words, where a moment there is not what this browser's clock shows; otherwise empty. */
  elsewhere: (moment: Moment) => (zone === undefined || sameClock(moment, zone) ? '' : zoneName(moment, i18n.lang, zone)),
}

/** Takes the zone from an answer and hands the answer on. */
export function learnZone<T extends { time_zone?: string }>(answer: T): T {
  if (answer.time_zone && answer.time_zone !== zone) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: answer.time_zone })
      zone = answer.time_zone
    } catch {
      // A browser with old tables.
    }
  }
  return answer
}

/** Date and time of something in the city. */
export const cityTime = (moment: Moment) => dateTimeThere(moment, i18n.lang, clock.now, zone)
