// One call of the phone in the page: JsSIP's session, what it sends and where it plays, whether it is held. With whom the
// operator means to talk is decided in `phone.ts`, when the line allows it is known in `jssip.ts`.
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { Devices, Statistics, Wish } from './phone'
import { close, playOn } from './sound'

/** Another re-INVITE is on its way, from one end or the other: asked again so much later, milliseconds. */
const AGAIN_MS = 200

export class Talk {
  /** What the other end says. */
  remote: MediaStreamTrack | null = null
  #speaker = new Audio()
  #muted = false
  #mixed = false
  /** A re-INVITE of ours is not answered. */
  #asking = false
  /** One was cut off with the socket: nobody knows whether the server has heard of it. */
  #unsure = false
  #again: ReturnType<typeof setTimeout> | undefined

  /**
   * `microphone` is this call's own copy, closed with it: JsSIP switches it off while the call is held. None of a call that
   * is not answered yet. `settled` is called when a step towards what is wished has been done, or may be tried again.
   */
  constructor(readonly session: RTCSession, private devices: Devices, private microphone: MediaStream | null, private settled: () => void) {
    const listen = (connection: RTCPeerConnection) => connection.addEventListener('track', ({ track }) => this.#listen(track))
    // Of a call that we place the connection is there already; of one that comes it is made when it is answered.
    if (session.connection) listen(session.connection)
    else session.on('peerconnection', ({ peerconnection }) => listen(peerconnection))
    // Our server waits for our packets at its own address; it needs no list of all of ours.
    session.on('icecandidate', ({ ready }) => ready())
    // JsSIP ends a call whose re-INVITE broke off. The call itself is well, and is asked about again over the next socket.
    const breaking = session as RTCSession & { onTransportError: () => void }
    const end = breaking.onTransportError.bind(session)
    breaking.onTransportError = () => {
      if (!session.isEstablished()) return end()
      this.#asking = false
      this.#unsure = true
    }
  }

  #listen(track: MediaStreamTrack) {
    this.remote = track
    this.#speaker.srcObject = new MediaStream([track])
    void playOn(this.#speaker, this.devices.speaker)
    // Refused only before the first key or click in the page, and Answer is one.
    void this.#speaker.play().catch(() => {})
  }

  answer(microphone: MediaStream) {
    this.microphone = microphone
    this.session.answer({ mediaStream: microphone, pcConfig: { iceServers: [] } })
  }

  use(devices: Devices) {
    this.devices = devices
    void playOn(this.#speaker, devices.speaker)
  }

  /** Goes on with another microphone. */
  async changeMicrophone(microphone: MediaStream) {
    const before = this.microphone
    this.microphone = microphone
    if (!this.#mixed) await this.send(null)
    close(before)
  }

  /** Sends `mix` in place of the microphone; none goes back to it. */
  async send(mix: MediaStreamTrack | null) {
    this.#mixed = mix !== null
    this.#applyMute()
    const track = mix ?? this.microphone?.getAudioTracks()[0]
    const sender = this.session.connection?.getSenders().find((sender) => sender.track?.kind === 'audio')
    if (!track || !sender) return
    // Off until it is there: JsSIP may switch off the old one meanwhile.
    track.enabled = false
    // Refused when the call has ended meanwhile.
    await sender.replaceTrack(track).catch(() => {})
    track.enabled = !this.held && !this.#isMuted
  }

  /** In a mix the microphone is muted there: the other end goes on hearing the third. */
  mute(on: boolean) {
    this.#muted = on
    this.#applyMute()
  }

  get #isMuted(): boolean {
    return this.#muted && !this.#mixed
  }

  #applyMute() {
    if (!this.session.isEstablished() || this.session.isMuted().audio === this.#isMuted) return
    if (this.#isMuted) this.session.mute({ audio: true })
    else this.session.unmute({ audio: true })
  }

  get held(): boolean {
    return this.session.isOnHold().local
  }

  /** Does one step towards `wish`; true when there is nothing left to do. */
  settle(wish: Wish | null): boolean {
    clearTimeout(this.#again)
    if (wish === 'end') {
      this.session.terminate()
      return true
    }
    if (wish === null || !this.session.isEstablished()) return true
    if (this.#asking) return false
    if (this.held === (wish === 'hold') && !this.#unsure) return true
    const done = () => {
      this.#asking = false
      this.#unsure = false
      this.settled()
    }
    // Said before it is so: JsSIP tells of the hold while it is being asked for.
    this.#asking = true
    const request = this.held === (wish === 'hold') ? 'renegotiate' : wish === 'hold' ? 'hold' : 'unhold'
    if (!this.session[request]({}, done)) {
      this.#asking = false
      this.#again = setTimeout(this.settled, AGAIN_MS)
    }
    return false
  }

  /** Neither sends nor plays: its end is on the way. */
  silence() {
    this.#speaker.srcObject = null
    this.microphone?.getTracks().forEach((track) => { track.enabled = false })
  }

  close() {
    clearTimeout(this.#again)
    this.silence()
    close(this.microphone)
    this.microphone = null
  }

  async statistics(): Promise<Statistics | null> {
    const report = await this.session.connection?.getStats()
    if (!report) return null
    const items = [...report.values()] as Record<string, unknown>[]
    const inbound = items.find((item) => item.type === 'inbound-rtp')
    const there = items.find((item) => item.type === 'remote-inbound-rtp')
    const pair = items.find((item) => item.type === 'candidate-pair' && item.nominated === true)
    if (!inbound) return null
    const figure = (item: Record<string, unknown> | undefined, name: string) => (typeof item?.[name] === 'number' ? item[name] : null)
    const trip = figure(there, 'roundTripTime') ?? figure(pair, 'currentRoundTripTime')
    return {
      packetsReceived: figure(inbound, 'packetsReceived') ?? 0, packetsLost: figure(inbound, 'packetsLost') ?? 0,
      lossThere: figure(there, 'fractionLost'), roundTripMs: trip === null ? null : trip * 1000, jitterMs: (figure(inbound, 'jitter') ?? 0) * 1000,
    }
  }
}
