// The phone in the page: its states, its counters, who has it, and what the desk makes of it; with a phone, a lock and a
// server of the test's own.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeskPhone, type World } from '../../src/lib/phone/desk-phone.svelte'
import { IDLE, next, type Phone, type PhoneEvent, type PhoneState } from '../../src/lib/phone/phone'
import { quality } from '../../src/lib/phone/quality'
import { troubleOf } from '../../src/lib/phone/sound'

const after = (...events: PhoneEvent[]): PhoneState => events.reduce(next, IDLE)
const RINGS: PhoneEvent[] = [{ type: 'line', line: 'registered' }, { type: 'rings', from: '+380441112233' }]
const TALKS: PhoneEvent[] = [...RINGS, { type: 'picked_up' }, { type: 'connected' }]

describe('states of the phone', () => {
  it('go from ringing to talking, held and back', () => {
    expect(after(...RINGS).call).toEqual({ phase: 'ringing', from: '+380441112233' })
    expect(after(...TALKS).call).toEqual({ phase: 'talking', from: '+380441112233', muted: false })
    expect(after(...TALKS, { type: 'held' }).call?.phase).toBe('held')
    expect(after(...TALKS, { type: 'held' }, { type: 'resumed' }).call?.phase).toBe('talking')
  })
  it('stay muted through a hold', () => {
    const muted = after(...TALKS, { type: 'muted', on: true }, { type: 'held' }, { type: 'resumed' })
    expect(muted.call).toEqual({ phase: 'talking', from: '+380441112233', muted: true })
  })
  it('keep the call while the line is lost, and drop all when switched off', () => {
    const lost = after(...TALKS, { type: 'line', line: 'lost' })
    expect([lost.line, lost.call?.phase]).toEqual(['lost', 'talking'])
    expect(after(...TALKS, { type: 'line', line: 'idle' })).toEqual(IDLE)
  })
  it('do not heed what comes too late or too early', () => {
    const idle = after({ type: 'line', line: 'registered' })
    for (const late of [{ type: 'picked_up' }, { type: 'connected' }, { type: 'held' }, { type: 'resumed' }, { type: 'muted', on: true }] as PhoneEvent[]) {
      expect(next(idle, late), late.type).toBe(idle)
    }
    const ringing = after(...RINGS)
    expect(next(ringing, { type: 'connected' })).toBe(ringing)
    expect(next(ringing, { type: 'rings', from: '102' })).toBe(ringing)
  })
  it('forget a trouble with the next call', () => {
    expect(after({ type: 'trouble', trouble: 'refused' }, ...RINGS).trouble).toBeNull()
  })
})

describe('quality of a call', () => {
  const start = { packetsReceived: 1000, packetsLost: 10, roundTripMs: 40, jitterMs: 5 }
  const later = (received: number, lost: number, more = {}) => quality(start, { ...start, packetsReceived: 1000 + received, packetsLost: 10 + lost, ...more })

  it('is judged by what happened since the last reading', () => {
    expect(later(100, 0)).toEqual({ grade: 'good', loss: 0, roundTripMs: 40 })
    expect(later(97, 3)?.grade).toBe('fair')
    expect(later(90, 10)).toMatchObject({ grade: 'poor', loss: 0.1 })
  })
  it('counts delay and jitter, too', () => {
    expect(later(100, 0, { roundTripMs: 350 })?.grade).toBe('fair')
    expect(later(100, 0, { roundTripMs: 900 })?.grade).toBe('poor')
    expect(later(100, 0, { jitterMs: 60 })?.grade).toBe('fair')
    expect(later(100, 0, { roundTripMs: null })?.grade).toBe('good')
  })
  it('is not judged while hardly anything comes, and late packets are no negative loss', () => {
    expect(later(3, 2)).toBeNull()
    expect(later(100, -4)).toMatchObject({ grade: 'good', loss: 0 })
  })
})

it('tells why there is no microphone', () => {
  const named = (name: string) => Object.assign(new Error(name), { name })
  expect(['NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError'].map((name) => troubleOf(named(name)))).toEqual(['refused', 'missing', 'missing', 'busy'])
  expect(troubleOf(new TypeError('navigator.mediaDevices is undefined'))).toBe('refused')
})

/** The browser's locks as far as one name needs them: a holder, a line of waiters, and taking over. */
class Locks {
  holder: { reject: (error: Error) => void } | null = null
  waiting: (() => void)[] = []

  request(_name: string, options: { steal?: boolean, signal?: AbortSignal }, hold: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        const own = { reject }
        this.holder = own
        void hold().then(() => {
          resolve()
          if (this.holder === own) {
            this.holder = null
            this.waiting.shift()?.()
          }
        })
      }
      if (options.steal) {
        this.holder?.reject(new DOMException('taken over', 'AbortError'))
        enter()
      } else if (!this.holder) enter()
      else {
        this.waiting.push(enter)
        options.signal?.addEventListener('abort', () => {
          this.waiting = this.waiting.filter((item) => item !== enter)
          reject(new DOMException('left', 'AbortError'))
        })
      }
    })
  }

  query = async () => ({ held: [], pending: [] })
}

class FakePhone implements Phone {
  state = IDLE
  did: string[] = []
  counters = { packetsReceived: 0, packetsLost: 0, roundTripMs: 20, jitterMs: 1 }
  constructor(private tell: (state: PhoneState) => void) {}
  on(...events: PhoneEvent[]) {
    for (const event of events) this.tell(this.state = next(this.state, event))
  }
  start() { this.did.push('start') }
  use() { this.did.push('use') }
  answer() { this.did.push('answer') }
  decline() { this.did.push('decline') }
  hangUp() { this.did.push('hangUp') }
  hold() { this.did.push('hold') }
  resume() { this.did.push('resume') }
  mute(on: boolean) { this.did.push(`mute ${on}`) }
  press(digit: string) { this.did.push(`press ${digit}`) }
  statistics = async () => ({ ...this.counters })
  stop() { this.did.push('stop') }
}

describe('the phone of the desk', () => {
  const account = { extension: '101', realm: 'ringback', ha1: '0'.repeat(32), socket: '/sip' }
  let locks: Locks
  let phones: FakePhone[]
  let rings: number
  let loads: number

  const world = (more: Partial<World> = {}): World => ({
    locks: () => locks as unknown as LockManager,
    account: async () => account,
    load: async () => { loads += 1; return (tell) => { const made = new FakePhone(tell); phones.push(made); return made } },
    ring: () => { rings += 1; return () => { rings -= 1 } },
    ...more,
  })
  const settled = () => vi.waitFor(() => expect(phones.at(-1)?.did[0]).toBe('start'))

  beforeEach(() => {
    [locks, phones, rings, loads] = [new Locks(), [], 0, 0]
    const kept = new Map<string, string>()
    vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('fetches nothing until it is chosen, and is remembered', async () => {
    const desk = new DeskPhone(world())
    desk.open()
    expect([desk.place, desk.tab, loads]).toEqual(['own', 'none', 0])
    desk.choose('page')
    await settled()
    expect(desk.here).toBe(true)
    expect(new DeskPhone(world()).place).toBe('page')
  })

  it('works in a browser that keeps nothing', () => {
    const denied = () => { throw new DOMException('denied', 'SecurityError') }
    vi.stubGlobal('localStorage', { getItem: denied, setItem: denied })
    const desk = new DeskPhone(world())
    desk.choose('page')
    expect(desk.place).toBe('page')
  })

  it('rings while it rings, and does as it is told', async () => {
    const desk = new DeskPhone(world())
    desk.choose('page')
    await settled()
    const phone = phones[0]!
    phone.on(...RINGS)
    expect(rings).toBe(1)
    desk.answer()
    phone.on({ type: 'picked_up' })
    expect(rings).toBe(0)
    phone.on({ type: 'connected' })
    desk.toggleMute()
    desk.toggleHold()
    phone.on({ type: 'held' }, { type: 'muted', on: true })
    desk.toggleMute()
    desk.toggleHold()
    desk.hangUp()
    expect(phone.did.slice(1)).toEqual(['answer', 'mute true', 'hold', 'mute false', 'resume', 'hangUp'])
    phone.on({ type: 'ended' })
    expect(desk.state.call).toBeNull()
  })

  it('judges the line while they talk', async () => {
    vi.useFakeTimers()
    const desk = new DeskPhone(world())
    desk.choose('page')
    await vi.advanceTimersByTimeAsync(0)
    const phone = phones[0]!
    phone.on(...TALKS)
    await vi.advanceTimersByTimeAsync(2000)
    phone.counters = { ...phone.counters, packetsReceived: 85, packetsLost: 15 }
    await vi.advanceTimersByTimeAsync(2000)
    expect(desk.quality?.grade).toBe('poor')
    phone.on({ type: 'held' })
    expect(desk.quality).toBeNull()
  })

  it('is in one tab only, and moves when asked', async () => {
    const [first, second] = [new DeskPhone(world()), new DeskPhone(world())]
    first.choose('page')
    await settled()
    second.choose('page')
    await vi.waitFor(() => expect(second.tab).toBe('elsewhere'))
    expect(phones.length).toBe(1)
    second.takeOver()
    await vi.waitFor(() => expect([first.tab, second.tab]).toEqual(['elsewhere', 'mine']))
    await vi.waitFor(() => expect(phones.length).toBe(2))
    expect(phones[0]!.did).toEqual(['start', 'stop'])
    // The second tab is closed: the first has the phone again, without being asked.
    second.leave()
    await vi.waitFor(() => expect(first.tab).toBe('mine'))
    expect(phones[1]!.did).toEqual(['start', 'stop'])
  })

  it('is given up with the desk, and what comes later is not heeded', async () => {
    const desk = new DeskPhone(world())
    desk.choose('page')
    await settled()
    desk.leave()
    expect(phones[0]!.did).toEqual(['start', 'stop'])
    phones[0]!.on(...RINGS)
    expect([desk.state, rings]).toEqual([IDLE, 0])
    await vi.waitFor(() => expect(locks.holder).toBeNull())
  })

  it('says why it could not be had, and tries again', async () => {
    let refusals = 1
    const refusing = async () => { if (refusals-- > 0) throw new Error('no account'); return account }
    const desk = new DeskPhone(world({ account: refusing }))
    desk.choose('page')
    await vi.waitFor(() => expect(desk.error).toBeInstanceOf(Error))
    expect(desk.state.line).toBe('failed')
    desk.again()
    await settled()
    expect(desk.error).toBeNull()
  })
})
