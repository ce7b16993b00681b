// The executor's page without a browser: the order of sending, what the list shows meanwhile, photos made smaller.
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/lib/api/client'
import type { WorkOrder } from '../../src/lib/api/types'
import { expected, expectedPart } from '../../src/lib/work/outbox.svelte'
import { distanceText, metres } from '../../src/lib/work/place'
import { ranked } from '../../src/lib/work/ranking'
import { next, passes } from '../../src/lib/work/sending'
import { exifOf, upright, withExif } from '../../src/lib/work/shrink'
import type { Kind, Waiting } from '../../src/lib/work/store'

const item = (id: number, number: string, kind: Kind, refused = false, user = 'me'): Waiting =>
  ({ id, key: `key-${id}`, user, number, kind, body: {}, photo: null, pressedAt: 0, refusal: refused ? { status: 409, detail: '' } : null })

describe('the outbox', () => {
  it('sends in turn; a refused step halts its own order and no other', () => {
    expect(next([item(1, 'a', 'accept'), item(2, 'b', 'accept')], 'me')?.id).toBe(1)
    expect(next([item(1, 'a', 'accept', true), item(2, 'a', 'start'), item(3, 'b', 'accept')], 'me')?.id).toBe(3)
    expect(next([item(1, 'a', 'start'), item(2, 'a', 'report', true)], 'me')).toBeNull()
    expect(next([item(1, 'a', 'start', false, 'somebody else')], 'me')).toBeNull()
  })

  it('waits for signal and for the service, and lets the executor decide about a no', () => {
    const problem = (status: number) => new Problem(status, '', '')
    expect([0, 401, 408, 429, 500, 503].map((status) => passes(problem(status)))).toEqual(Array(6).fill(true))
    expect([400, 403, 404, 409, 413, 415, 422].map((status) => passes(problem(status)))).toEqual(Array(7).fill(false))
  })

  it('shows the state that is coming, without what was refused', () => {
    expect(expected('assigned', [item(1, 'a', 'accept'), item(2, 'a', 'start')])).toBe('in_progress')
    expect(expected('in_progress', [item(1, 'a', 'photo'), item(2, 'a', 'report', true)])).toBe('in_progress')
    expect(expected('assigned', [])).toBe('assigned')
    expect(expectedPart('asked', [item(1, 'a', 'part-accept'), item(2, 'a', 'part-report')])).toBe('reported')
    expect(expectedPart('asked', [item(1, 'a', 'part-decline', true)])).toBe('asked')
    expect(expectedPart(null, [item(1, 'a', 'accept')]), 'the lead has no part').toBeNull()
    expect(expected('assigned', [item(1, 'a', 'part-accept')]), 'the order is the lead’s').toBe('assigned')
  })
})

describe('the list', () => {
  const NOW = Date.parse('2026-11-21T08:00:00Z')
  const order = (id: string, hours: number, lat: number | null): WorkOrder =>
    ({ id, resolve_by: new Date(NOW + hours * 3_600_000).toISOString(), place: { address: id, territory: null, site: lat === null ? null : { lat, lon: 34.8 } } }) as unknown as WorkOrder
  const orders = [order('tomorrow, near', 25, 50.9), order('today, far', 1, 50.99), order('today, near', 3, 50.91), order('late, far', -2, 50.95), order('today, unknown', 2, null)]

  it('is by deadline, and within a day by distance once that is known', () => {
    const ids = (here: { lat: number, lon: number } | null) => ranked(orders, here, NOW).map(({ order }) => order.id)
    expect(ids(null)).toEqual(['late, far', 'today, far', 'today, unknown', 'today, near', 'tomorrow, near'])
    expect(ids({ lat: 50.9, lon: 34.8 })).toEqual(['late, far', 'today, near', 'today, far', 'today, unknown', 'tomorrow, near'])
  })

  it('says distances as people do', () => {
    expect(metres({ lat: 50, lon: 30 }, { lat: 50.001, lon: 30 })).toBeCloseTo(111.3, 0)
    expect([3, 348, 996, 2350].map((distance) => distanceText(distance, 'en'))).toEqual(['10 m', '350 m', '1,000 m', '2.4 km'])
  })
})

describe('photos made smaller', () => {
  /** SOI, a JFIF segment, an EXIF segment with one entry (orientation 6), start of scan. */
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
  const exif = [0xff, 0xe1, 0, 2 + 6 + tiff.length, 0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff]
  const photo = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, ...exif, 0xff, 0xda, 9, 9])

  it('keep what the camera wrote, and stand upright', async () => {
    const segment = exifOf(photo)
    expect(segment && [...segment]).toEqual(exif)
    const turned = upright(segment!)
    expect(turned[10 + 19]).toBe(1)
    expect([...turned].filter((byte, i) => byte !== exif[i])).toEqual([1])
    const smaller = new Uint8Array(await withExif(new Uint8Array([0xff, 0xd8, 0xff, 0xdb, 7]), turned).arrayBuffer())
    expect([...smaller]).toEqual([0xff, 0xd8, ...turned, 0xff, 0xdb, 7])
    expect(exifOf(smaller)?.length).toBe(exif.length)
  })

  it('nothing is read beyond the end of a broken file', () => {
    for (let length = 0; length < photo.length; length += 1) exifOf(photo.slice(0, length))
    for (let length = 10; length < exif.length; length += 1) upright(new Uint8Array(exif.slice(0, length)))
    expect(exifOf(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 0, 0, 0, 0, 0]))).toBeNull()
  })
})
