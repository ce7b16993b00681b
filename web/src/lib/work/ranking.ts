// The executor's list: what is late first, then by the day it is due; within a day the nearest first, once it is known
// where the executor stands.
import type { WorkOrder } from '../api/types'
import { dayDistance, millis } from '../time'
import { metres } from './place'

export interface Ranked {
  order: WorkOrder
  /** Metres, when both places are known. */
  distance: number | null
}

export function ranked(orders: readonly WorkOrder[], here: { lat: number, lon: number } | null, now: number): Ranked[] {
  const group = (order: WorkOrder) => (millis(order.resolve_by) < now ? -1 : Math.max(0, dayDistance(order.resolve_by, now)))
  const distance = ({ place }: WorkOrder) => {
    const { lat, lon } = place?.site ?? {}
    return here && lat != null && lon != null ? metres(here, { lat, lon }) : null
  }
  return orders
    .map((order) => ({ order, distance: distance(order), group: group(order) }))
    .sort((a, b) => a.group - b.group || (here ? (a.distance ?? Infinity) - (b.distance ?? Infinity) || 0 : 0) || millis(a.order.resolve_by) - millis(b.order.resolve_by))
    .map(({ order, distance }) => ({ order, distance }))
}
