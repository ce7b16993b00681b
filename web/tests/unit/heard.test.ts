import { expect, it } from 'vitest'
import type { TimelineItem } from '../../src/lib/api/types'
import { folded } from '../../src/lib/heard'

let seq = 0
const played = (seconds: [number, number], id = 'a', recording = 'r'): TimelineItem =>
  ({ seq: (seq += 1), at: '2026-11-22T10:00:00Z', type: 'access.played', actor: { kind: 'auditor', id }, recording, data: { seconds } })
const ended: TimelineItem = { seq: 99, at: '2026-11-22T10:00:00Z', type: 'contact.ended', actor: null, data: {} }

it('tells what one listener heard in one go once', () => {
  const told = folded([ended, played([5, 10]), played([10, 15]), played([15, 20]), played([40, 45]), played([45, 50], 'b'), ended, played([50, 55], 'b')])
  expect(told.map((item) => item.data?.seconds ?? item.type)).toEqual(['contact.ended', [5, 20], [40, 45], [45, 50], 'contact.ended', [50, 55]])
})

it('keeps apart what was heard of two recordings, and changes nothing of what it was given', () => {
  const items = [played([0, 5]), played([5, 10], 'a', 's')]
  const before = structuredClone(items)
  expect(folded(items)).toEqual(before)
  expect(items).toEqual(before)
})
