// The citizen's call from the page as it happens: microphone, pass, phone, and what the server says of the call meanwhile.
import { Problem, get, post, segment } from '../api/client'
import { IDLE, next, type Failure, type GuestEvent, type GuestPhone, type MakeGuestPhone, type Pass, type Phase } from './guest'
import { Meter, close, openMicrophone, troubleOf } from './sound'

/** Between two questions how far the call has come, milliseconds. */
const ASK_EVERY_MS = 1500

/** What a citizen may say before the call. */
export interface Wish {
  language: string
  /** Empty when none was given. */
  number: string
}

/** How far a call has come (GET /web-calls/{user}). */
export interface Progress {
  phase: 'setup' | 'ivr' | 'voicemail' | 'waiting' | 'ringing' | 'talking' | 'wrap_up'
  /** From 1, while waiting. */
  position: number | null
  case: string | null
}

/** What the call needs of the world; tests bring their own. */
export interface World {
  able: () => boolean
  microphone: () => Promise<MediaStream>
  pass: (wish: Wish) => Promise<Pass>
  progress: (user: string) => Promise<Progress>
  /** JsSIP is large: it is fetched when somebody calls. */
  load: () => Promise<MakeGuestPhone>
}

const BROWSER: World = {
  able: () => window.isSecureContext && 'RTCPeerConnection' in window && navigator.mediaDevices !== undefined,
  microphone: () => openMicrophone(''),
  pass: ({ language, number }) => post<Pass>('/web-calls', { language, ...(number ? { number } : {}) }),
  progress: (user) => get<Progress>(`/web-calls/${segment(user)}`),
  load: async () => (await import('./guest-jssip')).makeGuestPhone,
}

function failureOf(error: unknown): Failure {
  const status = error instanceof Problem ? error.status : 0
  if (status === 403 || status === 404) return 'switched_off'
  if (status === 422) return 'number'
  if (status === 429) return 'too_many'
  return status === 503 ? 'busy' : 'unreachable'
}

export class GuestCall {
  phase = $state.raw<Phase>(IDLE)
  progress = $state.raw<Progress | null>(null)
  /** Register number of the case that this call became, also after its end. */
  caseNumber = $state<string | null>(null)
  /** Milliseconds since the epoch; null before the answer. */
  answeredAt = $state<number | null>(null)
  endedAt = $state<number | null>(null)
  volume = $state(1)

  #world: World
  #phone: GuestPhone | null = null
  #microphone: MediaStream | null = null
  #meter: Meter | null = null
  #asking: ReturnType<typeof setInterval> | undefined
  /** Counts calls: what arrives for an old one is dropped. */
  #turn = 0

  constructor(world: World = BROWSER) {
    this.#world = world
  }

  get on(): boolean {
    return ['asking', 'calling', 'connected'].includes(this.phase.name)
  }

  async call(wish: Wish) {
    if (this.on) return
    const turn = ++this.#turn
    Object.assign(this, { progress: null, caseNumber: null, answeredAt: null, endedAt: null })
    this.#happens({ type: 'pressed_call' })
    if (!this.#world.able()) return this.#end({ type: 'failed', why: 'unable' })
    let microphone: MediaStream
    try {
      microphone = await this.#world.microphone()
    } catch (error) {
      const trouble = troubleOf(error)
      if (turn === this.#turn) this.#end({ type: 'failed', why: `microphone_${trouble === 'refused' || trouble === 'missing' ? trouble : 'busy'}` })
      return
    }
    if (turn !== this.#turn) return close(microphone)
    this.#microphone = microphone
    this.#happens({ type: 'microphone_open' })
    try {
      const makePhone = await this.#world.load()
      const pass = await this.#world.pass(wish)
      if (turn !== this.#turn) return
      this.#phone = makePhone((event) => { if (turn === this.#turn) this.#told(event, pass.user) })
      this.#phone.setVolume(this.volume)
      this.#phone.call(pass, microphone)
    } catch (error) {
      if (turn === this.#turn) this.#end({ type: 'failed', why: failureOf(error) })
    }
  }

  hangUp = () => this.#end({ type: 'ended' })

  /** Back to before the call. */
  close = () => this.#happens({ type: 'closed' })

  toggleMute = () => {
    if (this.phase.name !== 'connected') return
    const on = !this.phase.muted
    this.#phone?.mute(on)
    this.#happens({ type: 'muted', on })
  }

  press = (digit: string) => {
    if (this.phase.name !== 'connected') return
    this.#phone?.press(digit)
    this.#happens({ type: 'pressed', digit })
  }

  setVolume(volume: number) {
    this.volume = volume
    this.#phone?.setVolume(volume)
  }

  /** Loudness of the microphone now, 0 to 1. */
  level(): number {
    return this.#meter?.level() ?? 0
  }

  #happens(event: GuestEvent) {
    this.phase = next(this.phase, event)
  }

  #told(event: GuestEvent, user: string) {
    if (event.type !== 'answered') return this.#end(event)
    this.#happens(event)
    this.answeredAt = Date.now()
    if (this.#microphone) this.#meter = new Meter(this.#microphone)
    const turn = this.#turn
    const ask = async () => {
      // A question that is lost is asked again soon.
      const progress = await this.#world.progress(user).catch(() => null)
      if (turn !== this.#turn || !progress) return
      this.progress = progress
      this.caseNumber = progress.case ?? this.caseNumber
    }
    void ask()
    this.#asking = setInterval(ask, ASK_EVERY_MS)
  }

  /** Nothing of a call is left running. */
  #end(event: GuestEvent) {
    this.#turn += 1
    clearInterval(this.#asking)
    this.#phone?.stop()
    this.#meter?.close()
    close(this.#microphone)
    this.#phone = this.#meter = this.#microphone = null
    if (this.answeredAt !== null) this.endedAt ??= Date.now()
    this.#happens(event)
  }
}
