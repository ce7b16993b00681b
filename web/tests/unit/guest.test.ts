// The citizen's call from the page: its phases, and what is left of a call that was given up half-way; with a phone, a
// microphone and a server of the test's own.
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/lib/api/client'
import { isWritten } from '../../src/lib/phone'
import { IDLE, next, type GuestEvent, type GuestPhone, type Pass, type Phase, type Told } from '../../src/lib/phone/guest'
import { GuestCall, type World } from '../../src/lib/phone/guest-call.svelte'

const after = (...events: GuestEvent[]): Phase => events.reduce(next, IDLE)
const CALLS: GuestEvent[] = [{ type: 'pressed_call' }, { type: 'microphone_open' }]
const TALKS: GuestEvent[] = [...CALLS, { type: 'answered' }]

describe('phases of a call', () => {
  it('go from asking to calling to connected to over', () => {
    expect(after({ type: 'pressed_call' })).toEqual({ name: 'asking' })
    expect(after(...CALLS)).toEqual({ name: 'calling' })
    expect(after(...TALKS)).toEqual({ name: 'connected', muted: false, pressed: '' })
    expect(after(...TALKS, { type: 'ended' })).toEqual({ name: 'over', talked: true })
    expect(after(...CALLS, { type: 'ended' })).toEqual({ name: 'over', talked: false })
    expect(after(...TALKS, { type: 'ended' }, { type: 'pressed_call' })).toEqual({ name: 'asking' })
  })
  it('show the last keys pressed', () => {
    const pressed = [...'0123456789012345678901#'].map((digit): GuestEvent => ({ type: 'pressed', digit }))
    expect(after(...TALKS, ...pressed)).toEqual({ name: 'connected', muted: false, pressed: '3456789012345678901#' })
  })
  it('do not heed what comes too late or too early', () => {
    const [over, calling] = [after(...TALKS, { type: 'ended' }), after(...CALLS)]
    for (const late of [{ type: 'answered' }, { type: 'muted', on: true }, { type: 'pressed', digit: '1' }, { type: 'failed', why: 'busy' }, { type: 'ended' }] as GuestEvent[]) {
      expect(next(over, late), late.type).toBe(over)
    }
    expect(next(calling, { type: 'pressed_call' })).toBe(calling)
    expect(next(calling, { type: 'closed' }), 'a call is not closed, it is ended').toBe(calling)
    expect(next(over, { type: 'closed' })).toBe(IDLE)
  })
})

it('a number is what people write', () => {
  for (const good of ['+48 22 555 01 18', '(050) 111-22-33', '5550118']) expect(isWritten(good), good).toBe(true)
  for (const bad of ['112', '+', 'sip:a@b', '+1 234 567 890 123 456', '+380+501112233']) expect(isWritten(bad), bad).toBe(false)
})

function promised<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((good, bad) => { resolve = good; reject = bad })
  return { promise, resolve, reject }
}

/** A world whose every answer waits to be given. */
function world() {
  const did: string[] = []
  const track = { stop: () => did.push('track stopped') }
  const stream = { getTracks: () => [track] } as unknown as MediaStream
  let tell: (event: Told) => void = () => {}
  const phone: GuestPhone = {
    call: (pass) => did.push(`call ${pass.number}`), mute: () => {}, press: () => {}, setVolume: () => {}, stop: () => did.push('phone stopped'),
  }
  const waiting = { microphone: promised<MediaStream>(), pass: promised<Pass>() }
  const made: World = {
    able: () => true,
    microphone: () => waiting.microphone.promise,
    pass: () => { did.push('pass asked'); return waiting.pass.promise },
    progress: () => Promise.reject(new Error('not asked here')),
    load: async () => (listener) => { tell = listener; return phone },
  }
  const pass: Pass = { user: 'web-1', realm: 'r', ha1: 'h', socket: '/sip', number: '1580' }
  return { did, stream, pass, waiting, made, tell: (event: Told) => tell(event) }
}

const settled = () => new Promise((resolve) => setTimeout(resolve))
const WISH = { language: 'uk', number: '' }

describe('a call given up', () => {
  it('while the browser asks closes the microphone that comes after all, and asks for no pass', async () => {
    const { did, stream, waiting, made } = world()
    const call = new GuestCall(made)
    const calling = call.call(WISH)
    call.hangUp()
    waiting.microphone.resolve(stream)
    await calling
    expect(did).toEqual(['track stopped'])
    expect(call.phase).toEqual({ name: 'over', talked: false })
  })
  it('before the pass is there places no call', async () => {
    const { did, stream, pass, waiting, made } = world()
    const call = new GuestCall(made)
    void call.call(WISH)
    waiting.microphone.resolve(stream)
    await settled()
    call.hangUp()
    waiting.pass.resolve(pass)
    await settled()
    expect(did).toEqual(['pass asked', 'track stopped'])
  })
})

it.each([[403, 'switched_off'], [404, 'switched_off'], [422, 'number'], [429, 'too_many'], [503, 'busy'], [500, 'unreachable'], [0, 'unreachable']])('a refusal %i is %s', async (status, why) => {
  const { did, stream, waiting, made } = world()
  const call = new GuestCall(made)
  const calling = call.call(WISH)
  waiting.microphone.resolve(stream)
  waiting.pass.reject(new Problem(status, '', ''))
  await calling
  expect(call.phase).toEqual({ name: 'failed', why })
  expect(did.at(-1)).toBe('track stopped')
})

it('one call at a time, and the phone is stopped once it is over', async () => {
  const { did, stream, pass, waiting, made, tell } = world()
  const call = new GuestCall(made)
  void call.call(WISH)
  void call.call(WISH)
  waiting.microphone.resolve(stream)
  waiting.pass.resolve(pass)
  await settled()
  tell({ type: 'failed', why: 'media' })
  tell({ type: 'ended' })
  expect(call.phase).toEqual({ name: 'failed', why: 'media' })
  expect(did).toEqual(['pass asked', 'call 1580', 'phone stopped', 'track stopped'])
})

it('a browser that cannot is not asked for its microphone', async () => {
  const { did, made } = world()
  const call = new GuestCall({ ...made, able: () => false })
  await call.call(WISH)
  expect([call.phase, did]).toEqual([{ name: 'failed', why: 'unable' }, []])
})
