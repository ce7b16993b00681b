// The citizen's phone on JsSIP: one call to the city over a WebSocket of our own origin, sound over DTLS-SRTP. Never
// registers. Loaded only when somebody calls.
import { UA, WebSocketInterface } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { Failure, GuestPhone, MakeGuestPhone, Pass, Told } from './guest'

/** Length of a digit, milliseconds; systems that listen need 50. */
const DIGIT_MS = 120
/** JsSIP's attempts to open the socket again while a call is on, seconds. */
const RECONNECT_SECS = { least: 1, most: 5 }
/** How long opening the socket may take before anybody has answered, milliseconds. */
const CONNECT_MS = 10_000

/** What a final answer of the server means to the citizen. */
function failureOf(status: number | undefined): Failure {
  if (status === 403) return 'switched_off'
  if (status === 486 || status === 503 || status === 600) return 'busy'
  if (status === 488) return 'media'
  return 'unreachable'
}

class JsSipGuestPhone implements GuestPhone {
  #tell: (event: Told) => void
  #ua: UA | null = null
  #session: RTCSession | null = null
  #speaker = new Audio()
  #patience: ReturnType<typeof setTimeout> | undefined

  constructor(tell: (event: Told) => void) {
    this.#tell = tell
  }

  call({ user, realm, ha1, socket, number }: Pass, microphone: MediaStream) {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const ua = new UA({
      sockets: new WebSocketInterface(`${scheme}//${location.host}${socket}`),
      uri: `sip:${user}@${location.hostname}`, authorization_user: user, realm, ha1, register: false,
      connection_recovery_min_interval: RECONNECT_SECS.least, connection_recovery_max_interval: RECONNECT_SECS.most,
    })
    this.#ua = ua
    ua.on('connected', () => {
      // A socket that came back in the middle of the call is not a new call.
      if (this.#ua === ua && !this.#session) this.#invite(ua, number, microphone)
    })
    ua.on('newRTCSession', ({ session, originator }: { session: RTCSession, originator: unknown }) => {
      if (String(originator) === 'remote') session.terminate()
    })
    this.#patience = setTimeout(() => { if (!this.#session) this.#over({ type: 'failed', why: 'unreachable' }) }, CONNECT_MS)
    ua.start()
  }

  #invite(ua: UA, number: string, mediaStream: MediaStream) {
    clearTimeout(this.#patience)
    const session = ua.call(`sip:${number}@${location.hostname}`, {
      mediaStream, mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] },
    })
    this.#session = session
    session.connection?.addEventListener('track', ({ track }) => this.#listen(track))
    // Our server waits for our packets at its own address; it needs no list of all of ours.
    session.on('icecandidate', ({ ready }) => ready())
    session.on('accepted', () => this.#tell({ type: 'answered' }))
    session.on('ended', () => this.#over({ type: 'ended' }))
    session.on('failed', ({ originator, message }) => {
      const status = message && 'status_code' in message ? Number(message.status_code) : undefined
      if (String(originator) === 'system') this.#over({ type: 'failed', why: session.connection ? 'media' : 'unreachable' })
      else if (String(originator) === 'remote') this.#over({ type: 'failed', why: failureOf(status) })
      else this.#over({ type: 'ended' })
    })
  }

  #listen(track: MediaStreamTrack) {
    this.#speaker.srcObject = new MediaStream([track])
    // Refused only before the first key or click in the page, and the call began with one.
    void this.#speaker.play().catch(() => {})
  }

  #over(event: Told) {
    if (!this.#ua) return
    this.#close()
    this.#tell(event)
  }

  /** JsSIP says BYE or CANCEL where there is somebody to say it to, and closes the socket when that is answered. */
  #close() {
    clearTimeout(this.#patience)
    const ua = this.#ua
    this.#ua = null
    this.#session = null
    this.#speaker.srcObject = null
    ua?.stop()
  }

  mute(on: boolean) {
    if (on) this.#session?.mute({ audio: true })
    else this.#session?.unmute({ audio: true })
  }

  press(digit: string) {
    this.#session?.sendDTMF(digit, { duration: DIGIT_MS, transportType: 'RFC2833' as never })
  }

  setVolume(volume: number) {
    this.#speaker.volume = volume
  }

  stop() {
    this.#close()
  }
}

export const makeGuestPhone: MakeGuestPhone = (tell) => new JsSipGuestPhone(tell)
