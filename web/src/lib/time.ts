// Moments and spans in words and figures. Pure: `now` and the language come in.
import type { Moment } from './api/types'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Milliseconds since 1970 of an API moment: RFC 3339 text or integer microseconds. */
export function millis(moment: Moment): number {
  return typeof moment === 'number' ? moment / 1000 : Date.parse(moment)
}

/** Milliseconds that this computer's clock is behind the service's, by the Date header of an answer. The header has whole
 * seconds and was written somewhere between question and answer: what was `known` stays while it can still be true. */
export function clockError(date: string | null, askedAt: number, answeredAt: number, known: number): number {
  const written = Date.parse(date ?? '')
  if (Number.isNaN(written)) return known
  const [least, most] = [written - answeredAt, written + 1000 - askedAt]
  return known >= least && known <= most ? known : (least + most) / 2
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(lang: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang + JSON.stringify(options)
  let found = formats.get(key)
  if (!found) {
    found = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, options)
    formats.set(key, found)
  }
  return found
}

/** `zone`, here and below, is an IANA name; without one it is the browser's. */
export function clockTime(moment: Moment, lang: string, seconds = false, zone?: string): string {
  return format(lang, { hour: '2-digit', minute: '2-digit', second: seconds ? '2-digit' : undefined, hourCycle: 'h23', timeZone: zone }).format(millis(moment))
}

/** What a clock on the wall in the zone shows, as if it were UTC: for days and differences only. */
function civil(ms: number, zone?: string): number {
  const parts = format('en', { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', hourCycle: 'h23', timeZone: zone }).formatToParts(ms)
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'))
}

/** The civil day of a moment, as a number that grows by one each day. */
export const dayNumber = (moment: Moment, zone?: string) => Math.floor(civil(millis(moment), zone) / DAY)

/** Whole civil days from `now` to the moment: 0 today, 1 tomorrow, -1 yesterday. */
export const dayDistance = (moment: Moment, now: number, zone?: string) => dayNumber(moment, zone) - dayNumber(now * 1000, zone)

/** "today, 14:05", "tomorrow, 09:00", "Mon, 23 Nov, 12:00"; with the year when it is another one. */
export function dateTime(moment: Moment, lang: string, now: number, zone?: string): string {
  const distance = dayDistance(moment, now, zone)
  const time = clockTime(moment, lang, false, zone)
  if (Math.abs(distance) <= 1) {
    return `${new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(distance, 'day')}, ${time}`
  }
  const ms = millis(moment)
  const year = (at: number) => new Date(civil(at, zone)).getUTCFullYear()
  return `${format(lang, { day: 'numeric', month: 'short', year: year(ms) === year(now) ? undefined : 'numeric', timeZone: zone }).format(ms)}, ${time}`
}

/** "Wednesday, 25 November". */
export function dayText(moment: Moment, lang: string, zone?: string): string {
  return format(lang, { weekday: 'long', day: 'numeric', month: 'long', timeZone: zone }).format(millis(moment))
}

/** Whether clocks in both zones show the same at this moment; none is the browser's. */
export const sameClock = (moment: Moment, zone?: string, other?: string) => civil(millis(moment), zone) === civil(millis(moment), other)

/** The zone in words, "Eastern European Time". */
export function zoneName(moment: Moment, lang: string, zone: string): string {
  const parts = format(lang, { timeZone: zone, timeZoneName: 'longGeneric' }).formatToParts(millis(moment))
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone
}

/** As [`dateTime`] by the clock of `zone`; its name follows where the reader's own clock, in `own`, shows another time. */
export function dateTimeThere(moment: Moment, lang: string, now: number, zone: string | undefined, own?: string): string {
  const text = dateTime(moment, lang, now, zone)
  return zone === undefined || sameClock(moment, zone, own) ? text : `${text} (${zoneName(moment, lang, zone)})`
}

/** "5 minutes ago", "in 3 hours", "in 2 days". */
export function relative(moment: Moment, lang: string, now: number): string {
  const distance = millis(moment) - now
  const size = Math.abs(distance)
  const words = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })
  const round = (unit: number) => Math.sign(distance) * Math.max(1, Math.floor(size / unit))
  if (size < MINUTE) return words.format(0, 'minute')
  if (size < HOUR) return words.format(round(MINUTE), 'minute')
  if (size < 2 * DAY) return words.format(round(HOUR), 'hour')
  return words.format(round(DAY), 'day')
}

/** A span as m:ss or h:mm:ss; never negative. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** "0.48 s" in the words of the language. */
export function seconds(ms: number, lang: string): string {
  return new Intl.NumberFormat(lang, { style: 'unit', unit: 'second', maximumFractionDigits: 2 }).format(ms / 1000)
}

export type Urgency = 'overdue' | 'soon' | 'today' | 'later'

/** How pressing a deadline is: `soon` means less than two hours. */
export function urgency(resolveBy: Moment, now: number): Urgency {
  const left = millis(resolveBy) - now
  if (left < 0) return 'overdue'
  if (left < 2 * HOUR) return 'soon'
  return dayDistance(resolveBy, now) === 0 ? 'today' : 'later'
}
