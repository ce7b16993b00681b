// The address box: how an address stands in the field, what is certain without a nod; digits that say how a call ended.
import { describe, expect, it } from 'vitest'
import type { AddressHit, Place, Site } from '../../src/lib/api/types'
import { digitOf } from '../../src/lib/keys'
import { sure, written } from '../../src/pages/desk/address'

const hit = (more: Partial<AddressHit> = {}): AddressHit =>
  ({ key: 'a', street: 'вулиця Садова', former: null, by_former: false, settlement: null, house: '5', flat: null, in_register: true, flat_unknown: false, territory: 'center', holder_name: null, reading: 'as_typed', ...more })
const site: Site = { key: 'a', street: 'вулиця Садова', settlement: 'с. Зелене', house: '5', flat: '7', in_register: true, lat: null, lon: null, holder: null }

describe('an address', () => {
  it('stands in the field without its flat', () => {
    const place: Place = { address: 'с. Зелене, вулиця Садова, 5, кв. 7', territory: null, site }
    expect(written(place)).toBe('с. Зелене, вулиця Садова, 5')
    expect(written({ address: 'біля ринку', territory: null })).toBe('біля ринку')
    expect(written(null)).toBe('')
  })

  it('is certain only when one house was typed as it is written', () => {
    const near = hit({ house: '5-А' })
    expect(sure(hit(), [hit(), near])).toBe(true)
    expect(sure(hit(), [hit(), hit({ key: 'b' })]), 'two streets of this name').toBe(false)
    expect(sure(hit(), [hit(), hit({ key: 'b', reading: 'similar' })])).toBe(true)
    for (const doubtful of [hit({ house: null }), hit({ in_register: false }), hit({ reading: 'same_sound' })]) expect(sure(doubtful, [doubtful])).toBe(false)
  })
})

describe('digits', () => {
  const key = (code: string, held: Partial<Record<'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey', boolean>> = {}) => ({ key: '', code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held })
  it('are read by their place, alone', () => {
    expect([key('Digit1'), key('Numpad6'), key('Digit0'), key('KeyA')].map(digitOf)).toEqual([1, 6, null, null])
    expect([key('Digit1', { ctrlKey: true }), key('Digit1', { altKey: true }), key('Digit1', { shiftKey: true })].map(digitOf)).toEqual([null, null, null])
  })
})
