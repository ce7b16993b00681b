// Mass outages as the pages use them: their shapes, where they are in words, house numbers as people type them.
import type { Moment } from './api/types'
import { isolated, t } from './i18n/index.svelte'

export const CAUSES = ['failure', 'planned_works', 'power_cut', 'weather', 'unknown'] as const
export type Cause = (typeof CAUSES)[number]
export const SIDES = ['both', 'odd', 'even'] as const
export type Side = (typeof SIDES)[number]

export interface Houses { from: number, to: number, side: Side }

export interface Area {
  whole_city: boolean
  territories: { id: string, name: string }[]
  streets: { key: string, name: string, houses: Houses[] }[]
}

/** How the applicants of its cases are told. */
export interface Progress {
  attached: number, waiting: number, queued: number, trying: number
  told: number, confirmed: number, refuted: number, not_reached: number
}

export interface Incident {
  number: number
  state: 'open' | 'restored' | 'closed' | 'cancelled'
  category: string
  cause: Cause
  area: Area
  executor: string
  declared_at: Moment
  expected: Moment | null
  /** That time has passed. */
  late: boolean
  updates: number
  restored_at: Moment | null
  ended_at: Moment | null
  nearness?: 'address' | 'district' | 'city' | null
  cases?: Progress
}

/** As the world may know it. */
export interface KnownIncident {
  number: number
  category: Record<string, string>
  cause: Cause
  area: Area
  since: Moment
  expected: Moment | null
}

const range = ({ from, to, side }: Houses) => {
  // Numbers run from left to right in a text of either direction.
  const numbers = `\u2066${from === to ? from : `${from}–${to}`}\u2069`
  return side === 'both' || from === to ? numbers : `${numbers} (${t(`side.${side}`)})`
}

/** In the order in which people ask: the city, districts, streets with their houses. */
export function areaText(area: Area): string {
  const streets = area.streets.map(({ name, houses }) => [isolated(name), houses.map(range).join(', ')].filter(Boolean).join(' '))
  return [...(area.whole_city ? [t('incident.wholeCity')] : []), ...area.territories.map((one) => isolated(one.name)), ...streets].join('; ')
}

/** `1-25, 40` as ranges of one side; null when it says something else. Nothing typed is the whole street. */
export function readHouses(text: string, side: Side): Houses[] | null {
  const houses: Houses[] = []
  for (const part of text.split(/[,;]/).map((one) => one.trim()).filter(Boolean)) {
    const found = /^(\d{1,5})(?:\s*[-–]\s*(\d{1,5}))?$/.exec(part)
    if (!found) return null
    const from = Number(found[1])
    const to = Number(found[2] ?? found[1])
    if (from < 1 || to < from) return null
    houses.push({ from, to, side: from === to ? 'both' : side })
  }
  return houses
}

/** What a browser's date-and-time field shows of a moment, on this computer's clock. */
export function localField(ms: number): string {
  const at = new Date(ms)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}
