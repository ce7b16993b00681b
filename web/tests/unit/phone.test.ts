// The phone in the page: its states, its counters, who has it, and what the desk makes of it; with a phone, a lock and a
// server of the test's own.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DeskPhone, type World } from '../../src/lib/phone/desk-phone.svelte'
import { canConsult, canTurn, heard, IDLE, inConference, next, wishes, type Outcome, type Phone, type PhoneEvent, type PhoneState, type Statistics, type Whom } from '../../src/lib/phone/phone'
import { quality } from '../../src/lib/phone/quality'
import { troubleOf } from '../../src/lib/phone/sound'

const after = (...events: PhoneEvent[]): PhoneState => events.reduce(next, IDLE)
const RINGS: PhoneEvent[] = [{ type: 'line', line: 'registered' }, { type: 'rings', from: '+380441112233' }]
const TALKS: PhoneEvent[] = [...RINGS, { type: 'picked_up' }, { type: 'connected' }]

describe('states of the phone', () => {
  it('go from ringing to talking, held and back', () => {
    expect(after(...RINGS).call).toEqual({ phase: 'ringing', from: '+380441112233' })
    expect(after(...TALKS)).toMatchObject({ call: { phase: 'talking', from: '+380441112233' }, with: 'caller', muted: false })
    expect(after(...TALKS, { type: 'held' }).call?.phase).toBe('held')
    expect(after(...TALKS, { type: 'held' }, { type: 'resumed' }).call?.phase).toBe('talking')
  })
  it('stay muted through a hold', () => {
    const muted = after(...TALKS, { type: 'muted', on: true }, { type: 'held' }, { type: 'resumed' })
    expect(muted).toMatchObject({ call: { phase: 'talking' }, muted: true })
    expect(next(muted, { type: 'ended' }).muted).toBe(false)
  })
  it('keep the call while the line is lost, and drop all when switched off', () => {
    const lost = after(...TALKS, { type: 'line', line: 'lost' })
    expect([lost.line, lost.call?.phase]).toEqual(['lost', 'talking'])
    expect(after(...TALKS, { type: 'line', line: 'idle' })).toEqual(IDLE)
  })
  it('do not heed what comes too late or too early', () => {
    const idle = after({ type: 'line', line: 'registered' })
    for (const late of [{ type: 'picked_up' }, { type: 'connected' }, { type: 'held' }, { type: 'resumed' }, { type: 'muted', on: true }, { type: 'talk_to', whom: 'caller' }, { type: 'dialled', to: '102' }, { type: 'hung_up' }, { type: 'ended' }, { type: 'colleague_gone', why: 'hung_up' }, { type: 'handed_over', done: true }] as PhoneEvent[]) {
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

/** The caller waits, the colleague has picked up. */
const ASKS: PhoneEvent[] = [...TALKS, { type: 'dialled', to: '102' }, { type: 'held' }, { type: 'colleague_answered' }]
const THREE: PhoneEvent[] = [...ASKS, { type: 'talk_to', whom: 'both' }, { type: 'resumed' }]

describe('a consultation', () => {
  const phases = ({ call, consultation, with: whom }: PhoneState) => [call?.phase, consultation?.phase, whom]

  it('holds the caller at once, and talks to the colleague when they answer', () => {
    expect([canConsult(after(...RINGS)), canConsult(after(...TALKS))]).toEqual([false, true])
    const dialled = after(...TALKS, { type: 'dialled', to: '102' })
    expect([phases(dialled), canConsult(dialled), canTurn(dialled)]).toEqual([['talking', 'calling', 'colleague'], false, false])
    expect(wishes(dialled)).toEqual({ call: 'hold', consultation: null })
    const asks = after(...ASKS)
    expect([phases(asks), wishes(asks), heard(asks)]).toEqual([['held', 'talking', 'colleague'], { call: 'hold', consultation: 'talk' }, 'consultation'])
  })
  it('goes to and fro, and holds who is not talked to', () => {
    const wanted = after(...ASKS, { type: 'talk_to', whom: 'caller' })
    expect(wishes(wanted)).toEqual({ call: 'talk', consultation: 'hold' })
    const back = [{ type: 'colleague_held' }, { type: 'resumed' }].reduce((state, event) => next(state, event as PhoneEvent), wanted)
    expect([phases(back), heard(back), inConference(back)]).toEqual([['talking', 'held', 'caller'], 'call', false])
    expect(wishes(next(back, { type: 'talk_to', whom: 'colleague' }))).toEqual({ call: 'hold', consultation: 'talk' })
  })
  it('becomes a talk of three, and one of two again', () => {
    const three = after(...THREE)
    expect([inConference(three), wishes(three)]).toEqual([true, { call: 'talk', consultation: 'talk' }])
    expect(wishes(next(three, { type: 'talk_to', whom: 'colleague' }))).toEqual({ call: 'hold', consultation: 'talk' })
    // Nobody can be held while nobody is talked to.
    expect(next(three, { type: 'talk_to', whom: 'nobody' })).toBe(three)
  })
  it('returns to the caller whatever becomes of the colleague, and says what', () => {
    for (const [events, why] of [[[...TALKS, { type: 'dialled', to: '102' }, { type: 'held' }], 'busy'], [ASKS, 'hung_up'], [THREE, 'cut_off']] as [PhoneEvent[], Outcome][]) {
      const gone = after(...events, { type: 'colleague_gone', why })
      expect([gone.consultation, gone.with, gone.news, wishes(gone).call], why).toEqual([null, 'caller', { outcome: why, colleague: '102' }, 'talk'])
    }
    for (const event of [{ type: 'talk_to', whom: 'nobody' }, { type: 'ended' }] as PhoneEvent[]) expect(after(...ASKS, { type: 'colleague_gone', why: 'hung_up' }, event).news, event.type).toBeNull()
  })
  it('ends when told to, at the latest when the line is back', () => {
    const ending = after(...ASKS, { type: 'line', line: 'lost' }, { type: 'consultation_ended' })
    expect([phases(ending), wishes(ending)]).toEqual([['held', 'ending', 'caller'], { call: 'talk', consultation: 'end' }])
    expect(canTurn(ending)).toBe(false)
    expect(next(ending, { type: 'colleague_gone', why: null })).toMatchObject({ consultation: null, with: 'caller', news: null })
  })
  it('goes on without the caller; a colleague who rings is not wanted any more, one who waits is talked to', () => {
    const waits = after(...ASKS, { type: 'talk_to', whom: 'caller' }, { type: 'colleague_held' }, { type: 'resumed' }, { type: 'ended' })
    expect([phases(waits), wishes(waits)]).toEqual([[undefined, 'held', 'colleague'], { call: null, consultation: 'talk' }])
    expect(waits.news).toEqual({ outcome: 'caller_hung_up', colleague: '102' })
    const rings = after(...TALKS, { type: 'dialled', to: '102' }, { type: 'ended' })
    expect([phases(rings), wishes(rings)]).toEqual([[undefined, 'ending', 'nobody'], { call: null, consultation: 'end' }])
    // Nobody else can ring while a colleague is on the line.
    expect(next(waits, { type: 'rings', from: '+380441112244' })).toBe(waits)
    expect(next(waits, { type: 'colleague_gone', why: 'hung_up' })).toMatchObject({ consultation: null, with: 'nobody', muted: false })
  })
  it('hands the caller over, or brings them back when that fails', () => {
    const leaving = after(...THREE, { type: 'handing_over' })
    expect([leaving.handingOver, canTurn(leaving)]).toEqual([true, false])
    for (const event of [{ type: 'talk_to', whom: 'caller' }, { type: 'consultation_ended' }] as PhoneEvent[]) expect(next(leaving, event), event.type).toBe(leaving)
    const done = next(leaving, { type: 'handed_over', done: true })
    expect(done).toMatchObject({ call: null, consultation: null, with: 'nobody', handingOver: false, news: { outcome: 'handed_over', colleague: '102' } })
    const failed = after(...ASKS, { type: 'handing_over' }, { type: 'handed_over', done: false })
    expect(failed).toMatchObject({ with: 'caller', handingOver: false, news: { outcome: 'not_handed_over' } })
    expect(wishes(failed)).toEqual({ call: 'talk', consultation: 'hold' })
    // The colleague leaves at this very moment.
    expect(after(...ASKS, { type: 'handing_over' }, { type: 'colleague_gone', why: 'hung_up' })).toMatchObject({ consultation: null, with: 'caller', handingOver: false, news: { outcome: 'not_handed_over' } })
  })
  it('takes the colleague along when the caller is gone before the outcome was told', () => {
    const gone = after(...ASKS, { type: 'handing_over' }, { type: 'ended' })
    expect([phases(gone), wishes(gone), gone.handingOver, gone.news]).toEqual([[undefined, 'ending', 'nobody'], { call: null, consultation: 'end' }, false, null])
  })
  it('wants nothing that no line can carry', () => {
    const lost = after(...ASKS, { type: 'line', line: 'lost' })
    expect([canTurn(lost), canConsult(after(...TALKS, { type: 'line', line: 'lost' }))]).toEqual([false, false])
    const hungUp = after(...TALKS, { type: 'line', line: 'lost' }, { type: 'hung_up' })
    expect([hungUp.call?.phase, wishes(hungUp).call]).toEqual(['ending', 'end'])
  })
})

describe('quality of a call', () => {
  const start = { packetsReceived: 1000, packetsLost: 10, lossThere: null, roundTripMs: 40, jitterMs: 5 }
  const later = (received: number, lost: number, more = {}) => quality(start, { ...start, packetsReceived: 1000 + received, packetsLost: 10 + lost, ...more })

  it('is judged by what happened since the last reading', () => {
    expect(later(100, 0)).toEqual({ grade: 'good', loss: 0, lossThere: null, roundTripMs: 40 })
    expect(later(97, 3)?.grade).toBe('fair')
    expect(later(90, 10)).toMatchObject({ grade: 'poor', loss: 0.1 })
  })
  it('counts delay and jitter, too', () => {
    expect(later(100, 0, { roundTripMs: 350 })?.grade).toBe('fair')
    expect(later(100, 0, { roundTripMs: 900 })?.grade).toBe('poor')
    expect(later(100, 0, { jitterMs: 60 })?.grade).toBe('fair')
    expect(later(100, 0, { roundTripMs: null })?.grade).toBe('good')
  })
  it('is no better than the other end hears us', () => {
    expect(later(100, 0, { lossThere: 0.01 })?.grade).toBe('good')
    expect(later(100, 0, { lossThere: 0.05 })).toMatchObject({ grade: 'fair', loss: 0, lossThere: 0.05 })
  })
  it('is none when nothing comes', () => {
    expect(later(0, 0)).toMatchObject({ grade: 'silent', loss: 1 })
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
  counters: Statistics = { packetsReceived: 0, packetsLost: 0, lossThere: null, roundTripMs: 20, jitterMs: 1 }
  constructor(private tell: (state: PhoneState) => void) {}
  on(...events: PhoneEvent[]) {
    for (const event of events) this.tell(this.state = next(this.state, event))
  }
  start() { this.did.push('start') }
  use() { this.did.push('use') }
  answer() { this.did.push('answer') }
  decline() { this.did.push('decline') }
  hangUp() { this.did.push('hangUp') }
  talkTo(whom: Whom) { this.did.push(`talkTo ${whom}`); this.on({ type: 'talk_to', whom }) }
  mute(on: boolean) { this.did.push(`mute ${on}`); this.on({ type: 'muted', on }) }
  consult(extension: string) { this.did.push(`consult ${extension}`) }
  endConsultation() { this.did.push('endConsultation') }
  handOver() { this.did.push('handOver') }
  press(digit: string) { this.did.push(`press ${digit}`) }
  statistics = async () => ({ ...this.counters })
  stop() { this.did.push('stop') }
}

describe('the phone of the desk', () => {
  const account = { extension: '101', realm: 'ringback', ha1: '0'.repeat(32), socket: '/sip' }
  let locks: Locks
  let phones: FakePhone[]
  let rings: number
  let signs: number
  let loads: number

  const world = (more: Partial<World> = {}): World => ({
    locks: () => locks as unknown as LockManager,
    account: async () => account,
    load: async () => { loads += 1; return (tell) => { const made = new FakePhone(tell); phones.push(made); return made } },
    ring: () => { rings += 1; return () => { rings -= 1 } },
    sign: () => { signs += 1 },
    ...more,
  })
  const settled = () => vi.waitFor(() => expect(phones.at(-1)?.did[0]).toBe('start'))

  beforeEach(() => {
    [locks, phones, rings, signs, loads] = [new Locks(), [], 0, 0, 0]
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
    phone.on({ type: 'held' })
    desk.toggleMute()
    desk.toggleHold()
    desk.hangUp()
    expect(phone.did.slice(1)).toEqual(['answer', 'mute true', 'talkTo nobody', 'mute false', 'talkTo caller', 'hangUp'])
    phone.on({ type: 'ended' })
    expect(desk.state.call).toBeNull()
  })

  it('asks a colleague by keys, and says by sound that they have left', async () => {
    const desk = new DeskPhone(world())
    desk.choose('page')
    await settled()
    const phone = phones[0]!
    phone.on(...TALKS)
    desk.consult('102')
    desk.toggleConference()
    phone.on(...ASKS.slice(TALKS.length))
    desk.toggleHold()
    desk.toggleHold()
    desk.toggleConference()
    phone.on({ type: 'resumed' })
    desk.toggleConference()
    desk.handOver()
    desk.endConsultation()
    expect(phone.did.slice(1)).toEqual(['consult 102', 'talkTo caller', 'talkTo colleague', 'talkTo both', 'talkTo colleague', 'handOver', 'endConsultation'])
    expect(signs).toBe(0)
    phone.on({ type: 'colleague_gone', why: 'hung_up' })
    expect(signs).toBe(1)
    phone.on({ type: 'resumed' })
    expect(signs).toBe(1)
  })

  it('judges the line of whom one hears', async () => {
    vi.useFakeTimers()
    const desk = new DeskPhone(world())
    desk.choose('page')
    await vi.advanceTimersByTimeAsync(0)
    const phone = phones[0]!
    phone.on(...TALKS)
    await vi.advanceTimersByTimeAsync(2000)
    phone.counters = { ...phone.counters, packetsReceived: 100 }
    await vi.advanceTimersByTimeAsync(2000)
    expect(desk.quality?.grade).toBe('good')
    // The colleague's counters begin anew: taken for the caller's they would be a loss.
    phone.on(...ASKS.slice(TALKS.length))
    expect(desk.quality).toBeNull()
    phone.counters = { ...phone.counters, packetsReceived: 4, packetsLost: 0 }
    await vi.advanceTimersByTimeAsync(2000)
    phone.counters = { ...phone.counters, packetsReceived: 104 }
    await vi.advanceTimersByTimeAsync(2000)
    expect(desk.quality?.grade).toBe('good')
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
