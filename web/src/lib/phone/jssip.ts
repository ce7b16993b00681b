// The phone in the page on JsSIP: SIP over WebSocket to our own origin, sound over DTLS-SRTP. Loaded only when somebody
// uses it; nothing else names JsSIP.
import { UA, WebSocketInterface } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { IncomingRTCSessionEvent, OutgoingRTCSessionEvent, UnRegisteredEvent } from 'jssip/lib/UA'
import { IDLE, next, type Account, type Devices, type MakePhone, type Phone, type PhoneEvent, type PhoneState, type Statistics } from './phone'
import { close, openMicrophone, playOn, troubleOf } from './sound'

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

class JsSipPhone implements Phone {
  state: PhoneState = IDLE
  #tell: (state: PhoneState) => void
  #ua: UA | null = null
  #session: RTCSession | null = null
  #devices: Devices = { microphone: '', speaker: '' }
  /** Opened while it rings, so that nobody waits for it after picking up. */
  #microphone: Promise<MediaStream> | null = null
  #speaker = new Audio()
  #retry: ReturnType<typeof setTimeout> | undefined
  #retryMs = RETRY_MS.first

  constructor(tell: (state: PhoneState) => void) {
    this.#tell = tell
  }

  #on(event: PhoneEvent) {
    const state = next(this.state, event)
    if (state === this.state) return
    this.state = state
    this.#tell(state)
  }

  start({ extension, realm, ha1, socket }: Account, devices: Devices) {
    this.use(devices)
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const ua = new UA({
      sockets: new WebSocketInterface(`${scheme}//${location.host}${socket}`),
      uri: `sip:${extension}@${location.hostname}`, authorization_user: extension, realm, ha1, register: true, register_expires: REGISTER_SECS,
      connection_recovery_min_interval: RECONNECT_SECS.least, connection_recovery_max_interval: RECONNECT_SECS.most,
    })
    this.#ua = ua
    ua.on('registered', () => { this.#retryMs = RETRY_MS.first; this.#on({ type: 'line', line: 'registered' }) })
    ua.on('disconnected', () => { if (this.#ua === ua) this.#on({ type: 'line', line: 'lost' }) })
    ua.on('registrationFailed', (event) => { if (this.#ua === ua) this.#refused(event) })
    ua.on('newRTCSession', (event: IncomingRTCSessionEvent | OutgoingRTCSessionEvent) => {
      // One call at a time: the server rings us again when we are free.
      if (this.#session) event.session.terminate({ status_code: BUSY_HERE })
      else this.#ring(event.session)
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
    this.#session = session
    session.on('peerconnection', ({ peerconnection }) => peerconnection.addEventListener('track', ({ track }) => this.#listen(track)))
    // Our server waits for our packets at its own address; it needs no list of all of ours.
    session.on('icecandidate', ({ ready }) => ready())
    session.on('accepted', () => this.#on({ type: 'connected' }))
    session.on('hold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'held' }) })
    session.on('unhold', ({ originator }) => { if (String(originator) === 'local') this.#on({ type: 'resumed' }) })
    session.on('muted', () => this.#on({ type: 'muted', on: true }))
    session.on('unmuted', () => this.#on({ type: 'muted', on: false }))
    session.on('ended', () => this.#over(session))
    session.on('failed', ({ originator }) => {
      // Ended by the caller or by Decline is how calls end; ended by the browser is a fault.
      if (String(originator) === 'system') this.#on({ type: 'trouble', trouble: 'media' })
      this.#over(session)
    })
    this.#on({ type: 'rings', from: session.remote_identity.uri.user ?? '' })
    this.#microphone = openMicrophone(this.#devices.microphone)
    this.#microphone.catch((error: unknown) => this.#on({ type: 'trouble', trouble: troubleOf(error) }))
  }

  #listen(track: MediaStreamTrack) {
    this.#speaker.srcObject = new MediaStream([track])
    void playOn(this.#speaker, this.#devices.speaker)
    // Refused only before the first key or click in the page, and Answer is one.
    void this.#speaker.play().catch(() => {})
  }

  #over(session: RTCSession) {
    if (this.#session !== session) return
    this.#session = null
    this.#microphone?.then(close, () => {})
    this.#microphone = null
    this.#speaker.srcObject = null
    this.#on({ type: 'ended' })
  }

  use(devices: Devices) {
    const before = this.#devices
    this.#devices = devices
    void playOn(this.#speaker, devices.speaker)
    if (this.#session && devices.microphone !== before.microphone) void this.#changeMicrophone()
  }

  async #changeMicrophone() {
    const [session, old] = [this.#session, this.#microphone]
    const opened = openMicrophone(this.#devices.microphone)
    this.#microphone = opened
    try {
      const [track] = (await opened).getAudioTracks()
      const sender = session?.connection?.getSenders().find((sender) => sender.track?.kind === 'audio')
      if (!track || this.#session !== session) return close(await opened)
      track.enabled = sender?.track?.enabled ?? true
      await sender?.replaceTrack(track)
      this.#on({ type: 'trouble', trouble: null })
      old?.then(close, () => {})
    } catch (error) {
      this.#microphone = old
      this.#on({ type: 'trouble', trouble: troubleOf(error) })
    }
  }

  answer() {
    const session = this.#session
    if (this.state.call?.phase !== 'ringing' || !session) return
    // Asked once more when it was refused: the operator may have allowed it meanwhile.
    if (this.state.trouble) this.#microphone = openMicrophone(this.#devices.microphone)
    this.#microphone?.then((mediaStream) => {
      // Pressed twice, or given up by the caller meanwhile.
      if (this.#session !== session || this.state.call?.phase !== 'ringing') return
      this.#on({ type: 'trouble', trouble: null })
      this.#on({ type: 'picked_up' })
      session.answer({ mediaStream, pcConfig: { iceServers: [] } })
    }).catch((error: unknown) => this.#on({ type: 'trouble', trouble: troubleOf(error) }))
  }

  decline() {
    if (this.state.call?.phase === 'ringing') this.#session?.terminate({ status_code: BUSY_HERE })
  }

  hangUp() {
    if (this.state.call && this.state.call.phase !== 'ringing') this.#session?.terminate()
  }

  hold() {
    if (this.state.call?.phase === 'talking') this.#session?.hold()
  }

  resume() {
    if (this.state.call?.phase === 'held') this.#session?.unhold()
  }

  mute(on: boolean) {
    if (!this.#session?.isEstablished()) return
    if (on) this.#session.mute({ audio: true })
    else this.#session.unmute({ audio: true })
  }

  press(digit: string) {
    if (this.state.call?.phase === 'talking') this.#session?.sendDTMF(digit, { duration: DIGIT_MS, transportType: 'RFC2833' as never })
  }

  async statistics(): Promise<Statistics | null> {
    const report = await this.#session?.connection?.getStats()
    if (!report) return null
    const items = [...report.values()] as Record<string, unknown>[]
    const inbound = items.find((item) => item.type === 'inbound-rtp')
    const remote = items.find((item) => item.type === 'remote-inbound-rtp')
    const pair = items.find((item) => item.type === 'candidate-pair' && item.nominated === true)
    if (!inbound) return null
    const figure = (item: Record<string, unknown> | undefined, name: string) => (typeof item?.[name] === 'number' ? item[name] : null)
    const trip = figure(remote, 'roundTripTime') ?? figure(pair, 'currentRoundTripTime')
    return {
      packetsReceived: figure(inbound, 'packetsReceived') ?? 0, packetsLost: figure(inbound, 'packetsLost') ?? 0,
      roundTripMs: trip === null ? null : trip * 1000, jitterMs: (figure(inbound, 'jitter') ?? 0) * 1000,
    }
  }

  stop() {
    clearTimeout(this.#retry)
    const [ua, session] = [this.#ua, this.#session]
    this.#ua = null
    // JsSIP says goodbye to the caller and to the registrar, and closes the socket when both have answered.
    ua?.stop()
    if (session) this.#over(session)
    this.#on({ type: 'line', line: 'idle' })
  }
}

export const makePhone: MakePhone = (tell) => new JsSipPhone(tell)
