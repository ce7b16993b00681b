// The weekly report as the API gives it, and the weeks before and after one.

export interface Value { kind: 'count' | 'share' | 'seconds', text: string, basis: string, members: number }
export interface Row { key: string | null, name: string, value: Value, before: Value }
export interface Breakdown { by: string, title: string, rows: Row[] }
export interface Figure { id: string, title: string, definition: string, value: Value, before: Value, change: string, breakdowns: Breakdown[] }
export interface Report { week: string, first_day: string, last_day: string, from: string, to: string, unfinished: boolean, sections: { id: string, title: string, figures: Figure[] }[] }
export interface Member { at: string, call: string | null, case: string | null, executor: string | null, category: string | null, seconds: number | null }
export interface Members { total: number, withheld?: number, items: Member[], next: number | null }
export interface Difference { indicator: string, title: string, by: string | null, name: string | null, before: boolean, rows: Value, journal: Value }
export interface Recomputed { same: boolean, compared: number, differences: Difference[] }
/** Which list: of a figure, of a row of its breakdown, of the week before. */
export interface Asked { figure: Figure, by?: string, key?: string | null, name: string, before: boolean, value: Value }

const DAY_MS = 86_400_000

/** The ISO week that `days` after the first day of a week falls into. */
export function weekAt(firstDay: string, days: number): string {
  const thursday = new Date(Date.parse(`${firstDay}T00:00:00Z`) + (days + 3) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7)
  return `${year}-W${String(week).padStart(2, '0')}`
}
