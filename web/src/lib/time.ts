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

export function clockTime(moment: Moment, lang: string, seconds = false): string {
  return format(lang, { hour: '2-digit', minute: '2-digit', second: seconds ? '2-digit' : undefined, hourCycle: 'h23' }).format(millis(moment))
}

const dayStart = (ms: number) => new Date(ms).setHours(0, 0, 0, 0)

/** Whole local days from `now` to the moment: 0 today, 1 tomorrow, -1 yesterday. */
export function dayDistance(moment: Moment, now: number): number {
  return Math.round((dayStart(millis(moment)) - dayStart(now)) / DAY)
}

/** "today, 14:05", "tomorrow, 09:00", "Mon, 23 Nov, 12:00"; with the year when it is another one. */
export function dateTime(moment: Moment, lang: string, now: number): string {
  const distance = dayDistance(moment, now)
  const time = clockTime(moment, lang)
  if (Math.abs(distance) <= 1) {
    return `${new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(distance, 'day')}, ${time}`
  }
  const ms = millis(moment)
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear()
  return `${format(lang, { day: 'numeric', month: 'short', year: sameYear ? undefined : 'numeric' }).format(ms)}, ${time}`
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
