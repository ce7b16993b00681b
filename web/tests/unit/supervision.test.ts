// Supervisors in talks: who is where, which key does what, why the server refused; and the phone that answers by itself.
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '../../src/lib/api/client'
import { EMPTY, apply } from '../../src/lib/api/live'
import type { LiveCall } from '../../src/lib/api/types'
import { asksForAnswer } from '../../src/lib/phone/phone'
import { placeOf, refusalOf, talks, wishOf } from '../../src/pages/board/talks'
import * as city from '../mock/city'

const picture = (changes: Partial<LiveCall>) => apply(EMPTY, {
  type: 'snapshot', seq: 1,
  snapshot: { seq: 1, at: 0, calls: city.LIVE_CALLS.map((call) => (call.id === 'l-12' ? { ...call, ...changes } : call)), operators: city.LIVE_OPERATORS, queues: [], trunks: [] },
}, 0)

describe('the place in a talk', () => {
  it('is where the picture says, ringing or there', () => {
    expect(placeOf(picture({}), 'u-3')).toBeNull()
    const supervisors = [{ id: 'u-40', how: 'barge', present: true }, { id: 'u-3', how: 'listen', present: false }] as const
    expect(placeOf(picture({ supervisors: [...supervisors] }), 'u-3')).toMatchObject({ call: { id: 'l-12' }, how: 'listen', present: false })
  })
  it('is the talk itself once it was taken over, for as long as it goes on', () => {
    expect(placeOf(picture({ operator: 'u-3' }), 'u-3')).toMatchObject({ call: { id: 'l-12' }, how: 'take_over', present: true })
    expect(placeOf(picture({ operator: 'u-3', phase: 'wrap_up' }), 'u-3')).toBeNull()
  })
  it('is offered of talks alone', () => {
    const of = (id: string) => city.LIVE_OPERATORS.filter((operator) => operator.id === id).map((operator) => talks(operator, city.LIVE_CALLS.find((call) => call.id === operator.contact)))[0]
    expect(['u-17', 'u-12', 'u-1', 'u-11', 'u-13'].map(of)).toEqual([true, true, false, false, false])
  })
})

describe('keys in a talk', () => {
  it('are digits by their place, and Escape', () => {
    expect(['Digit1', 'Digit2', 'Digit3', 'Digit4', 'Digit0', 'Digit5'].map((code) => wishOf({ key: 'ą', code }))).toEqual(['listen', 'whisper', 'barge', 'take_over', 'leave', null])
    expect(wishOf({ key: '2', code: 'Numpad2' })).toBe('whisper')
    // Without Num Lock the same key moves the cursor.
    expect(wishOf({ key: 'ArrowDown', code: 'Numpad2' })).toBeNull()
    expect([wishOf({ key: 'Escape', code: 'Escape' }), wishOf({ key: 'k', code: 'KeyK' })]).toEqual(['leave', null])
  })
})

describe('a refusal', () => {
  const conflict = (name: string) => refusalOf(new Problem(409, '', 'in English', null, [], name))
  it('says what to do about it', () => {
    expect(['no_phone', 'no_talk', 'talk_full', 'page_closed', 'phone_offline'].map(conflict))
      .toEqual(['supError.noPhone', 'supError.noTalk', 'supError.full', 'supError.pageClosed', 'supError.phoneOffline'])
    expect(refusalOf(new Problem(404, '', 'there is no such call'))).toBe('supError.noTalk')
  })
  it('is left to others where there is nothing more to say', () => {
    expect([conflict('something_else'), refusalOf(new Problem(503, '', '')), refusalOf(new Error('x'))]).toEqual([null, null, null])
  })
})

it('asks to be answered at once in the words of RFC 5373', () => {
  expect(['Auto', 'auto', ' Auto;require', 'AUTO ; x=y'].every(asksForAnswer)).toBe(true)
  expect(['Manual', 'Automatic', '', undefined].some(asksForAnswer)).toBe(false)
})

const agents: EventEmitter[] = []
vi.mock('jssip', () => ({
  WebSocketInterface: class {},
  UA: class extends EventEmitter {
    constructor() { super(); agents.push(this) }
    start() {}
    stop() {}
    isConnected() { return true }
  },
}))

class Session extends EventEmitter {
  remote_identity = { uri: { user: '+380445550135' } }
  connection = null
  answered = vi.fn()
  answer = this.answered
  terminate = vi.fn()
  onTransportError = vi.fn()
  isEstablished = () => false
  isMuted = () => ({ audio: false, video: false })
  isOnHold = () => ({ local: false, remote: false })
}

describe('a phone in the page', () => {
  const track = { kind: 'audio', stop() {}, clone: () => track, enabled: true }
  const microphone = { getTracks: () => [track], getAudioTracks: () => [track], clone: () => microphone }
  let open: (value: unknown) => void
  let refuse: (error: unknown) => void

  beforeEach(() => {
    agents.length = 0
    vi.stubGlobal('location', { protocol: 'https:', host: 'city.example', hostname: 'city.example' })
    vi.stubGlobal('Audio', class { play = async () => {}; srcObject = null })
    vi.stubGlobal('navigator', { mediaDevices: { getUserMedia: () => new Promise((resolve, reject) => { [open, refuse] = [resolve, reject] }) } })
  })
  afterEach(() => vi.unstubAllGlobals())

  /** Rings with an Answer-Mode, at a phone that is obliging or not. */
  async function rings(answerMode: string | undefined, obliging: boolean) {
    const { makePhone } = await import('../../src/lib/phone/jssip')
    const phone = makePhone(() => {}, obliging)
    phone.start({ extension: '301', realm: 'r', ha1: '', socket: '/sip' }, { microphone: '', speaker: '' })
    const session = new Session()
    agents[0]!.emit('newRTCSession', { originator: 'remote', session, request: { getHeader: (name: string) => (name === 'Answer-Mode' ? answerMode : undefined) } })
    expect(phone.state.call?.phase).toBe('ringing')
    return { phone, session }
  }

  it('answers who asks for that, once it has the microphone', async () => {
    const { phone, session } = await rings('Auto', true)
    expect(session.answered).not.toHaveBeenCalled()
    open(microphone)
    await vi.waitFor(() => expect(session.answered).toHaveBeenCalledOnce())
    expect(phone.state.call?.phase).toBe('answering')
  })
  it('rings on where the microphone is refused, and says why', async () => {
    const { phone, session } = await rings('Auto', true)
    refuse(Object.assign(new Error(), { name: 'NotAllowedError' }))
    await vi.waitFor(() => expect(phone.state.trouble).toBe('refused'))
    expect([phone.state.call?.phase, session.answered.mock.calls.length]).toEqual(['ringing', 0])
  })
  it.each([[undefined, true], ['Manual', true], ['Auto', false]] as const)('waits for its owner: %s, obliging %s', async (answerMode, obliging) => {
    const { phone, session } = await rings(answerMode, obliging)
    open(microphone)
    await new Promise(setImmediate)
    expect([phone.state.call?.phase, session.answered.mock.calls.length]).toEqual(['ringing', 0])
  })
})
