import { describe, expect, it } from 'vitest'
import { apply, EMPTY, reconnectDelay } from '../../src/lib/api/live'
import type { LiveCall, LiveQueue } from '../../src/lib/api/types'
import { phoneText } from '../../src/lib/phone'
import { clockError, dateTime, dateTimeThere, dayNumber, millis, relative, span, urgency } from '../../src/lib/time'

const call = (id: string, phase: LiveCall['phase']): LiveCall =>
  ({ id, phase, caller: '', since: 0, answered_at: null, language: null, topic: null, ivr_path: [], queue: null, position: null, operator: null, case: null, on_hold: false })
const queue = (waiting: number): LiveQueue => ({ name: 'city', waiting, longest_wait_secs: 0, operators_ready: 0, operators_talking: 0 })

describe('live state', () => {
  const first = apply(EMPTY, { type: 'snapshot', seq: 7, snapshot: { seq: 7, calls: [call('a', 'waiting'), call('b', 'talking')], operators: [], queues: [queue(1)], trunks: [], at: 0 } }, 0)

  it('starts from a snapshot', () => {
    expect(first.seq).toBe(7)
    expect(first.calls.map((item) => item.id)).toEqual(['a', 'b'])
  })
  it('changes, adds and drops calls, keeping their order', () => {
    const next = apply(first, { type: 'delta', seq: 8, calls: [call('a', 'ringing'), call('c', 'ivr')], calls_gone: ['b'], queues: [queue(0)] }, 0)
    expect(next.calls.map((item) => [item.id, item.phase])).toEqual([['a', 'ringing'], ['c', 'ivr']])
    expect(next.queues).toEqual([queue(0)])
    expect(next.seq).toBe(8)
  })
  it('moves calls in their line and leaves the rest of them', () => {
    const next = apply(first, { type: 'delta', seq: 8, calls_moved: [{ id: 'a', position: 3 }] }, 0)
    expect(next.calls).toEqual([{ ...first.calls[0], position: 3 }, first.calls[1]])
  })
  it('keeps the state of recording until it changes', () => {
    const impaired = { state: 'impaired', cause: 'disk_full', since: 0, refuses_calls: true } as const
    const able = { state: 'able', cause: null, since: null, refuses_calls: false } as const
    expect(first.recording).toBeNull()
    const full = apply(first, { type: 'delta', seq: 8, recording: impaired }, 0)
    expect(apply(full, { type: 'delta', seq: 9, recording: null }, 0).recording).toEqual(impaired)
    expect(apply(full, { type: 'delta', seq: 9, recording: able }, 0).recording).toEqual(able)
  })
  it('keeps whether new calls are taken until that changes', () => {
    const drained = { state: 'draining', since: 0 } as const
    expect(first.intake).toBeNull()
    const out = apply(first, { type: 'delta', seq: 8, intake: drained }, 0)
    expect(apply(out, { type: 'delta', seq: 9, intake: null }, 0).intake).toEqual(drained)
    expect(apply(out, { type: 'delta', seq: 9, intake: { state: 'open', since: null } }, 0).intake?.state).toBe('open')
  })
  it('takes over what changes in trunks', () => {
    const trunk = (name: string, state: 'up' | 'down') => ({ name, state, since: 0, registered: null, calls: 0 })
    const start = apply(EMPTY, { type: 'snapshot', seq: 1, snapshot: { seq: 1, calls: [], operators: [], queues: [], trunks: [trunk('a', 'up'), trunk('b', 'up')], at: 0 } }, 0)
    expect(apply(start, { type: 'delta', seq: 2, trunks: [trunk('a', 'down')] }, 0).trunks.map((item) => item.state)).toEqual(['down', 'up'])
  })
  it('does not touch what it was given', () => {
    apply(first, { type: 'delta', seq: 8, calls_gone: ['a', 'b'] }, 0)
    expect(first.calls.length).toBe(2)
  })
  it('a new snapshot replaces everything', () => {
    expect(apply(first, { type: 'snapshot', seq: 2, snapshot: { seq: 2, calls: [], operators: [], queues: [], trunks: [], at: 0 } }, 0).calls).toEqual([])
  })
  it('comes back soon, then patiently', () => {
    expect(reconnectDelay(0, 0.5)).toBe(400)
    expect(reconnectDelay(20, 1)).toBeLessThanOrEqual(12_500)
  })
})

describe('time', () => {
  const now = new Date(2026, 10, 21, 12, 0, 0).getTime()
  const inHours = (hours: number) => new Date(now + hours * 3_600_000).toISOString()

  it('reads both forms of a moment', () => {
    expect(millis('2026-11-21T08:00:00.250Z')).toBe(Date.UTC(2026, 10, 21, 8, 0, 0, 250))
    expect(millis(1_700_000_000_000_000)).toBe(1_700_000_000_000)
  })
  it('finds this computer’s clock out, but not by less than the header can tell', () => {
    const server = Date.UTC(2026, 10, 21, 8, 0, 0)
    const header = new Date(server).toUTCString()
    // Written at .4 of the second by a service whose clock ours agrees with.
    expect(clockError(header, server + 380, server + 420, 0)).toBe(0)
    const late = clockError(header, server + 380 - 40_000, server + 420 - 40_000, 0)
    expect(Math.abs(late - 40_000)).toBeLessThan(600)
    expect(clockError(header, server + 700 - 40_000, server + 740 - 40_000, late)).toBe(late)
    expect(clockError(null, 0, 1, late)).toBe(late)
  })
  it('writes spans', () => {
    expect([0, 61_000, 3_723_000, -5].map(span)).toEqual(['0:00', '1:01', '1:02:03', '0:00'])
  })
  it('knows how pressing a deadline is', () => {
    expect([-1, 1, 6, 30].map((hours) => urgency(inHours(hours), now))).toEqual(['overdue', 'soon', 'today', 'later'])
  })
  it('says it in words', () => {
    expect(relative(inHours(3.5), 'uk', now)).toBe('через 3 години')
    expect(relative(inHours(-50), 'en', now)).toBe('2 days ago')
    expect(dateTime(inHours(24), 'en', now)).toBe('tomorrow, 12:00')
  })
  it('tells the city’s time wherever the reader is, and says so where clocks differ', () => {
    const at = '2026-11-25T22:30:00Z'
    const before = Date.parse('2026-11-23T12:00:00Z')
    const seen = (lang: string, own: string, now = before) => dateTimeThere(at, lang, now, 'Europe/Kyiv', own)
    // Half past midnight in Kyiv is another day in New York.
    expect(seen('en', 'America/New_York')).toBe('26 Nov, 00:30 (Eastern European Time)')
    expect(seen('uk', 'Europe/Warsaw')).toContain('00:30 (за східноєвропейським часом)')
    expect(seen('en', 'Europe/Kyiv')).toBe('26 Nov, 00:30')
    expect(seen('en', 'Europe/Vilnius'), 'another zone, the same clock').toBe('26 Nov, 00:30')
    // Today and tomorrow are the city's, too: in New York it is still the 25th.
    expect(seen('en', 'America/New_York', Date.parse('2026-11-25T23:00:00Z'))).toMatch(/^today, 00:30/)
    expect(seen('en', 'Europe/Kyiv', Date.parse('2026-11-25T21:00:00Z'))).toBe('tomorrow, 00:30')
    expect(seen('en', 'Europe/Kyiv', Date.parse('2027-01-01T12:00:00Z'))).toBe('26 Nov 2026, 00:30')
    // Kyiv and Jerusalem change their clocks on different days: it is the moment that counts.
    const there = (moment: string) => dateTimeThere(moment, 'en', before, 'Europe/Kyiv', 'Asia/Jerusalem')
    expect([there('2026-03-28T10:00:00Z'), there('2026-03-30T10:00:00Z')]).toEqual(['28 Mar, 12:00 (Eastern European Time)', '30 Mar, 13:00'])
    expect(dayNumber(at, 'Europe/Kyiv') - dayNumber(at, 'America/New_York')).toBe(1)
  })
})

describe('phone numbers', () => {
  it('are grouped for reading', () => {
    expect(phoneText('+380441234567')).toBe('+380 44 123 45 67')
    expect(phoneText('+48221234567')).toBe('+48 22 123 45 67')
    expect(phoneText('+37061234567')).toBe('+370 612 34 567')
    expect(phoneText('101')).toBe('101')
    expect(phoneText('')).toBe('—')
  })
})
