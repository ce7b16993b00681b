// What the address box makes of an address: how it stands in the field, and when a find needs nobody's nod.
import type { AddressHit, Place } from '../../lib/api/types'

/** Without the flat, which has a field of its own. */
export function written(place: Place | null): string {
  const site = place?.site
  if (!site) return place?.address ?? ''
  return [site.settlement, site.street, site.house].filter(Boolean).join(', ')
}

/** The one house that was typed letter by letter: nothing else fits as well. */
export function sure(best: AddressHit, all: AddressHit[]): boolean {
  const certain = (hit: AddressHit) => hit.in_register && hit.house !== null && hit.reading === 'as_typed'
  const rivals = all.filter((hit) => certain(hit) && hit.key !== best.key)
  return certain(best) && rivals.length === 0
}
