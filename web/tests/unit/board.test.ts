// What the board counts, compares and puts first.
import { describe, expect, it } from 'vitest'
import { EMPTY, apply } from '../../src/lib/api/live'
import type { LiveOperator, OperatorStatus } from '../../src/lib/api/types'
import { DEFAULT_TARGETS, busiest, byAttention, figures, lingers, lineOf, longestAt, sought, targetsOf, tone, trunkAlarm, type Targets } from '../../src/pages/board/figures'
import * as city from '../mock/city'

const now = city.START
const live = apply(EMPTY, { type: 'snapshot', seq: 1, snapshot: { seq: 1, at: new Date(now).toISOString(), calls: city.LIVE_CALLS, operators: city.LIVE_OPERATORS, queues: city.LIVE_QUEUES, trunks: city.LIVE_TRUNKS } }, now)
const operator = (id: string, status: OperatorStatus, secondsAgo: number, more: Partial<LiveOperator> = {}): LiveOperator =>
  ({ id, name: id, extension: '', languages: [], queues: ['city'], registered: true, status, since: (now - secondsAgo * 1000) * 1000, ...more })
const withFigure = (figure: Partial<Targets['figures']>): Targets => ({ ...DEFAULT_TARGETS, figures: { ...DEFAULT_TARGETS.figures, ...figure } })

describe('figures', () => {
  it('count the invented city', () => {
    expect(figures(live, now)).toEqual({ waiting: 9, longest: 96_000, talking: 3, ready: 2, signed_in: 11, menu: 2 })
  })
  it('wait longer while the picture stands still', () => {
    expect(figures(live, now + 5000).longest).toBe(101_000)
  })
  it('say nothing before the first picture', () => {
    expect(Object.values(figures(EMPTY, now))).toEqual([null, null, null, null, null, null])
  })
  it('say zero, not nothing, when nobody waits', () => {
    const quiet = apply(EMPTY, { type: 'snapshot', seq: 1, snapshot: { seq: 1, at: 0, calls: [], operators: [], queues: [], trunks: [] } }, now)
    expect(Object.values(figures(quiet, now))).toEqual([0, 0, 0, 0, 0, 0])
  })
  it('count a wait from its beginning, whatever phones have rung meanwhile', () => {
    expect(now - longestAt(live, 'city')!).toBe(96_000)
    expect(longestAt(live, 'nowhere')).toBeNull()
  })
})

describe('tones', () => {
  it('turn beyond the target, not at it', () => {
    expect([5, 6].map((value) => tone('waiting', value, DEFAULT_TARGETS))).toEqual(['met', 'missed'])
    expect([0, 1].map((value) => tone('ready', value, DEFAULT_TARGETS))).toEqual(['missed', 'met'])
  })
  it('compare the wait as it is shown, in whole seconds', () => {
    expect([60_999, 61_000].map((value) => tone('longest', value, DEFAULT_TARGETS))).toEqual(['met', 'missed'])
  })
  it('stay away without a target or a figure', () => {
    expect(tone('talking', 900, DEFAULT_TARGETS)).toBe('none')
    expect(tone('waiting', null, DEFAULT_TARGETS)).toBe('none')
    expect(tone('waiting', 900, withFigure({ waiting: null }))).toBe('none')
    expect(tone('menu', 1, withFigure({ menu: 0 }))).toBe('missed')
  })
})

describe('targets', () => {
  it('come back as they were kept', () => {
    const mine = { ...withFigure({ waiting: 12, talking: 40, ready: null }), states: { offered: 8, wrap_up: 30, not_ready: 60 } }
    expect(targetsOf(JSON.parse(JSON.stringify(mine)))).toEqual(mine)
  })
  it('are the defaults where something else was kept', () => {
    for (const stored of [null, 7, 'x', {}, { figures: null, states: 3 }]) expect(targetsOf(stored)).toEqual(DEFAULT_TARGETS)
    expect(targetsOf({ figures: { longest: -5 }, states: { wrap_up: 'soon', offered: 9 } })).toEqual({ figures: { ...DEFAULT_TARGETS.figures, longest: null }, states: { ...DEFAULT_TARGETS.states, offered: 9 } })
  })
})

describe('operators', () => {
  it('come in the order of attention', () => {
    expect(byAttention(live.operators, now, DEFAULT_TARGETS).map((item) => item.id))
      .toEqual(['u-14', 'u-13', 'u-16', 'u-1', 'u-17', 'u-9', 'u-12', 'u-15', 'u-11', 'u-18', 'u-2', 'u-10'])
  })
  it('move up in the second in which it gets too long', () => {
    const two = [operator('talks', 'talking', 500), operator('rings', 'offered', 15)]
    expect(byAttention([...two, operator('away', 'not_ready', 900)], now, DEFAULT_TARGETS).map((item) => item.id)).toEqual(['rings', 'talks', 'away'])
    expect(byAttention([...two, operator('away', 'not_ready', 900)], now + 1000, DEFAULT_TARGETS).map((item) => item.id)).toEqual(['rings', 'away', 'talks'])
  })
  it('linger only where a limit says so', () => {
    expect([operator('a', 'talking', 9999), operator('a', 'ready', 9999), operator('a', 'logged_out', 9999)].some((item) => lingers(item, now, DEFAULT_TARGETS))).toBe(false)
    expect(lingers(operator('a', 'wrap_up', 61), now, DEFAULT_TARGETS)).toBe(true)
  })
  it('are found by queue, name and extension', () => {
    const found = (queue: string, text: string) => sought(live.operators, queue, text).map((item) => item.id)
    expect(found('emergency', '')).toEqual(['u-1', 'u-11', 'u-14', 'u-16', 'u-18'])
    expect(found('', 'гудзь')).toEqual(['u-12'])
    expect(found('', '  LUKASZ  wisn ')).toEqual(['u-14'])
    expect(found('', '10')).toHaveLength(10)
    expect(found('duty', 'коваль')).toEqual([])
  })
})

describe('queues', () => {
  it('list their callers as they will be served', () => {
    expect(lineOf([...live.calls].reverse(), 'duty').map((call) => call.id)).toEqual(['l-9', 'l-10', 'l-11'])
    expect(lineOf(live.calls, 'city').map((call) => call.position)).toEqual([1, 2, 3, 4, 5])
  })
  it('are chosen by the length of their lines, and keep their order', () => {
    const chosen = (count: number) => busiest(live.queues, count).map((queue) => queue.name)
    expect([1, 2, 9].map(chosen)).toEqual([['city'], ['city', 'duty'], ['emergency', 'city', 'duty']])
  })
})

describe('trunks', () => {
  const trunk = (state: 'unknown' | 'up' | 'down', registered: boolean | null) => trunkAlarm({ name: 'a', state, since: 0, registered, calls: 0 })
  it('raise an alarm when down or refused, not while nobody knows', () => {
    expect([trunk('up', null), trunk('unknown', null), trunk('up', true)]).toEqual([null, null, null])
    expect([trunk('down', null), trunk('down', false), trunk('up', false)]).toEqual(['board.trunkDown', 'board.trunkDown', 'board.trunkUnregistered'])
  })
})
