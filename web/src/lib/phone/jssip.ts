// The phone in the page on JsSIP: SIP over WebSocket to our own origin, sound over DTLS-SRTP. Loaded only when somebody
// uses it; nothing else names JsSIP. What a state wishes of the calls (`phone.ts`) is done here, as far as the line allows.
import { UA, WebSocketInterface } from 'jssip'
import type { EndEvent, RTCSession } from 'jssip/lib/RTCSession'
import type { IncomingRTCSessionEvent, OutgoingRTCSessionEvent, UnRegisteredEvent } from 'jssip/lib/UA'
import { Conference } from './conference'
import { asksForAnswer, canConsult, canTurn, heard, IDLE, next, wishes, type Account, type Devices, type MakePhone, type Outcome, type Phone, type PhoneEvent, type PhoneState, type Statistics, type Whom } from './phone'
import { close, openMicrophone, troubleOf } from './sound'
import { Talk } from './talk'

/** Between two attempts to register, milliseconds: soon, then patiently. */
const RETRY_MS = { first: 2000, most: 30_000 }
/** JsSIP's own attempts to open the socket again, seconds. */
const RECONNECT_SECS = { least: 1, most: 10 }
/** Length of a registration, seconds: a page that crashed is rung in vain for so long at most. */
const REGISTER_SECS = 300
/** Length of a digit, milliseconds; systems that listen need 50. */
const DIGIT_MS = 120
/** Answers by which the server says that trying again is of no use. */
const HOPELESS = [401, 403, 404]
/** 486 Busy Here sends the caller on to a colleague. */
const BUSY_HERE = 486
/** What a colleague's phone says when it is busy, or when the colleague is and says so. */
const BUSY = [486, 600, 603]
/** Nobody picked up in time. */
const UNANSWERED = [408, 480, 487]
/** Nobody here has that number, and no line takes it; or there is no call that it could be about. */
const NOT_ALLOWED = [403, 404]
const NO_LINE = 503

class JsSipPhone implements Phone {
  state: PhoneState = IDLE
  #tell: (state: PhoneState) => void
  #ua: UA | null = null
  #socket: WebSocketInterface | null = null
  #call: Talk | null = null
  #consultation: Talk | null = null
  #conference: Conference | null = null
  #devices: Devices = { microphone: '', speaker: '' }
  /** Opened while it rings, so that nobody waits for it after picking up. Calls send copies of it. */
  #microphone: Promise<MediaStream> | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #retryMs = RETRY_MS.first

  constructor(tell: (state: PhoneState) => void, private obliging: boolean) {
    this.#tell = tell
  }

  #on(event: PhoneEvent) {
    const state = next(this.state, event)
    if (state === this.state) return
    this.state = state
    this.#tell(state)
    this.#follow()
  }

  /** Does what the state wishes of the calls. */
  #follow = () => {
    const [call, consultation, wished] = [this.#call, this.#consultation, wishes(this.state)]
    for (const [talk, wish] of [[call, wished.call], [consultation, wished.consultation]] as const) {
      talk?.mute(this.state.muted)
      if (wish === 'end') talk?.silence()
    }
    this.#conference?.mute(this.state.muted)
    this.#mix(wished.call === 'talk' && wished.consultation === 'talk')
    // What has to be asked of the server waits for the line, which comes back. The socket knows first that it is gone.
    if (this.state.line !== 'registered' || !this.#socket?.isConnected()) return
    // First everybody is held who is to be, so that nobody hears what is meant for the other.
    const [first, last] = wished.consultation === 'talk' ? [[call, wished.call], [consultation, wished.consultation]] as const : [[consultation, wished.consultation], [call, wished.call]] as const
    if (first[0]?.settle(first[1]) ?? true) last[0]?.settle(last[1])
  }

  #mix(on: boolean) {
    const [call, consultation] = [this.#call, this.#consultation]
    if (!on && this.#conference) {
      void call?.send(null)
      void consultation?.send(null)
      this.#conference.close()
      this.#conference = null
    } else if (on && !this.#conference && call?.remote && consultation?.remote) {
      const conference = new Conference()
      this.#conference = conference
      conference.mute(this.state.muted)
      void this.#microphone?.then((microphone) => conference.use(microphone))
      void call.send(conference.mix(consultation.remote))
      void consultation.send(conference.mix(call.remote))
    }
  }

  start({ extension, realm, ha1, socket }: Account, devices: Devices) {
    this.use(devices)
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    this.#socket = new WebSocketInterface(`${scheme}//${location.host}${socket}`)
    const ua = new UA({
      sockets: this.#socket,
      uri: `sip:${extension}@${location.hostname}`, authorization_user: extension, realm, ha1, register: true, register_expires: REGISTER_SECS,
      connection_recovery_min_interval: RECONNECT_SECS.least, connection_recovery_max_interval: RECONNECT_SECS.most,
    })
    this.#ua = ua
    ua.on('registered', () => { this.#retryMs = RETRY_MS.first; this.#on({ type: 'line', line: 'registered' }) })
    ua.on('disconnected', () => { if (this.#ua === ua) this.#on({ type: 'line', line: 'lost' }) })
    ua.on('registrationFailed', (event) => { if (this.#ua === ua) this.#refused(event) })
    ua.on('newRTCSession', ({ originator, session, request }: IncomingRTCSessionEvent | OutgoingRTCSessionEvent) => {
      if (String(originator) === 'local') return
      // One call at a time: the server rings us again when we are free.
      if (this.#call || this.#consultation) return session.terminate({ status_code: BUSY_HERE })
      this.#ring(session)
      // Waits for the microphone: where that is refused the phone goes on ringing, and says why.
      if (this.obliging && asksForAnswer(request.getHeader('Answer-Mode'))) this.answer()
    })
    this.#on({ type: 'line', line: 'registering' })
    ua.start()
  }

  #refused({ response }: UnRegisteredEvent) {
    if (response && HOPELESS.includes(response.status_code)) return this.#on({ type: 'line', line: 'failed' })
    this.#on({ type: 'line', line: 'lost' })
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => { if (this.#ua?.isConnected()) this.#ua.register() }, this.#retryMs)
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.most)
  }

  #ring(session: RTCSession) {
    const talk = new Talk(session, this.#devices, null, this.#follow)
    this.#call = talk
    session.on('accepted', () => this.#on({ type: 'connected' }))
    session.on('hold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'held' }) })
    session.on('unhold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'resumed' }) })
    session.on('ended', ({ originator }) => {
      // We hang up by saying so first; what else ends here is a connection that broke, and the server keeps the caller.
      if (this.#call === talk && String(originator) !== 'remote' && this.state.call?.phase !== 'ending') this.#on({ type: 'trouble', trouble: 'cut_off' })
      this.#callOver(talk)
    })
    session.on('failed', ({ originator }) => {
      // Ended by the caller or by Decline is how calls end; ended by the browser is a fault.
      if (String(originator) === 'system') this.#on({ type: 'trouble', trouble: 'media' })
      this.#callOver(talk)
    })
    this.#on({ type: 'rings', from: session.remote_identity.uri.user ?? '' })
    this.#microphone = openMicrophone(this.#devices.microphone)
    this.#microphone.catch((error: unknown) => this.#on({ type: 'trouble', trouble: troubleOf(error) }))
  }

  #callOver(talk: Talk) {
    talk.close()
    if (this.#call !== talk) return
    this.#call = null
    this.#on({ type: 'ended' })
    this.#release()
  }

  #release() {
    if (this.#call || this.#consultation) return
    this.#microphone?.then(close, () => {})
    this.#microphone = null
  }

  use(devices: Devices) {
    const before = this.#devices
    this.#devices = devices
    this.#call?.use(devices)
    this.#consultation?.use(devices)
    if (this.#microphone && devices.microphone !== before.microphone) void this.#changeMicrophone()
  }

  async #changeMicrophone() {
    const old = this.#microphone
    const opened = openMicrophone(this.#devices.microphone)
    this.#microphone = opened
    try {
      const microphone = await opened
      // Everybody has left meanwhile.
      if (this.#microphone !== opened) return close(microphone)
      await Promise.all([this.#call, this.#consultation].map((talk) => talk?.changeMicrophone(microphone.clone())))
      this.#conference?.use(microphone)
      this.#on({ type: 'trouble', trouble: null })
      old?.then(close, () => {})
    } catch (error) {
      if (this.#microphone === opened) this.#microphone = old
      this.#on({ type: 'trouble', trouble: troubleOf(error) })
    }
  }

  answer() {
    const talk = this.#call
    if (this.state.call?.phase !== 'ringing' || !talk) return
    // Asked once more when it was refused: the operator may have allowed it meanwhile.
    if (this.state.trouble) this.#microphone = openMicrophone(this.#devices.microphone)
    this.#microphone?.then((microphone) => {
      // Pressed twice, or given up by the caller meanwhile.
      if (this.#call !== talk || this.state.call?.phase !== 'ringing') return
      this.#on({ type: 'trouble', trouble: null })
      this.#on({ type: 'picked_up' })
      talk.answer(microphone.clone())
    }).catch((error: unknown) => this.#on({ type: 'trouble', trouble: troubleOf(error) }))
  }

  decline() {
    if (this.state.call?.phase === 'ringing') this.#call?.session.terminate({ status_code: BUSY_HERE })
  }

  hangUp() {
    if (this.state.call?.phase === 'answering') this.#call?.session.terminate()
    else this.#on({ type: 'hung_up' })
  }

  talkTo(whom: Whom) {
    this.#on({ type: 'talk_to', whom })
  }

  mute(on: boolean) {
    this.#on({ type: 'muted', on })
  }

  press(digit: string) {
    if (this.state.call?.phase === 'talking') this.#call?.session.sendDTMF(digit, { duration: DIGIT_MS, transportType: 'RFC2833' as never })
  }

  consult(extension: string) {
    if (!canConsult(this.state)) return
    this.#on({ type: 'dialled', to: extension })
    void this.#microphone?.then((microphone) => this.#dial(extension, microphone))
  }

  #dial(extension: string, microphone: MediaStream) {
    // Given up, or the caller is gone, before the microphone had answered.
    if (this.state.consultation?.phase !== 'calling' || !this.#ua) return this.#on({ type: 'colleague_gone', why: null })
    const own = microphone.clone()
    const session = this.#ua.call(`sip:${extension}@${location.hostname}`, { mediaStream: own, pcConfig: { iceServers: [] } })
    const talk = new Talk(session, this.#devices, own, this.#follow)
    this.#consultation = talk
    session.on('accepted', () => this.#on({ type: 'colleague_answered' }))
    session.on('hold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'colleague_held' }) })
    session.on('unhold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'colleague_resumed' }) })
    session.on('ended', ({ originator }) => this.#colleagueOver(talk, String(originator) === 'remote' ? 'hung_up' : 'cut_off'))
    session.on('failed', (event) => this.#colleagueOver(talk, whyFailed(event)))
  }

  #colleagueOver(talk: Talk, why: Outcome) {
    talk.close()
    if (this.#consultation !== talk) return
    this.#consultation = null
    this.#on({ type: 'colleague_gone', why: this.state.consultation?.phase === 'ending' ? null : why })
    this.#release()
  }

  endConsultation() {
    this.#on({ type: 'consultation_ended' })
  }

  handOver() {
    const [call, consultation] = [this.#call, this.#consultation]
    if (!canTurn(this.state) || !call || !consultation) return
    this.#on({ type: 'handing_over' })
    const failed = () => { if (this.#consultation === consultation) this.#on({ type: 'handed_over', done: false }) }
    const accepted = () => {
      if (this.#call !== call || this.#consultation !== consultation) return
      // The server says goodbye to both of our calls; we have left already.
      this.#call = null
      this.#consultation = null
      this.#conference?.close()
      this.#conference = null
      call.close()
      consultation.close()
      this.#on({ type: 'handed_over', done: true })
      this.#release()
    }
    call.session.refer(consultation.session.remote_identity.uri, { replaces: consultation.session, eventHandlers: { accepted, failed, requestFailed: failed } })
  }

  async statistics(): Promise<Statistics | null> {
    const which = heard(this.state)
    const talk = which === 'call' ? this.#call : which === 'consultation' ? this.#consultation : null
    return (await talk?.statistics()) ?? null
  }

  stop() {
    clearTimeout(this.#retry)
    const [ua, call, consultation] = [this.#ua, this.#call, this.#consultation]
    this.#ua = null
    // JsSIP says goodbye to the callers and to the registrar, and closes the socket when all have answered.
    ua?.stop()
    if (consultation) this.#colleagueOver(consultation, 'cut_off')
    if (call) this.#callOver(call)
    this.#on({ type: 'line', line: 'idle' })
  }
}

function whyFailed({ originator, message }: EndEvent): Outcome {
  const status = message && 'status_code' in message ? message.status_code : null
  if (status === null) return String(originator) === 'system' ? 'cut_off' : 'unreachable'
  if (BUSY.includes(status)) return 'busy'
  if (NOT_ALLOWED.includes(status)) return 'not_allowed'
  if (status === NO_LINE) return 'no_line'
  return UNANSWERED.includes(status) ? 'unanswered' : 'unreachable'
}

export const makePhone: MakePhone = (tell, obliging) => new JsSipPhone(tell, obliging)
