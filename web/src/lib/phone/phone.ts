// The phone in the page, as the desk sees it: what state it is in, what it can be told. Who speaks SIP stands behind it
// (`jssip.ts`); the states and what leads from one to the next are here, without a browser and without a clock.

/** The account the server gives the page (GET /operators/me/phone). */
export interface Account {
  extension: string
  realm: string
  ha1: string
  /** Path of the SIP socket at the page's own origin. */
  socket: string
}

/** Device ids; empty is the browser's own choice. */
export interface Devices {
  microphone: string
  speaker: string
}

/** Why there is no sound from here, or why a call could not be carried. */
export type Trouble = 'refused' | 'missing' | 'busy' | 'media'

/** The way to the server. `lost` comes back by itself; `failed` needs somebody. */
export type Line = 'idle' | 'registering' | 'registered' | 'lost' | 'failed'

export type PhoneCall =
  | { phase: 'ringing', from: string }
  | { phase: 'answering', from: string }
  | { phase: 'talking', from: string, muted: boolean }
  | { phase: 'held', from: string, muted: boolean }

export interface PhoneState {
  line: Line
  /** A call outlives a lost line: sound takes another way. */
  call: PhoneCall | null
  trouble: Trouble | null
}

export const IDLE: PhoneState = { line: 'idle', call: null, trouble: null }

export type PhoneEvent =
  | { type: 'line', line: Line }
  | { type: 'rings', from: string }
  | { type: 'picked_up' }
  | { type: 'connected' }
  | { type: 'held' }
  | { type: 'resumed' }
  | { type: 'muted', on: boolean }
  | { type: 'ended' }
  | { type: 'trouble', trouble: Trouble | null }

/** What an event makes of a state. Events that do not fit, as a late "held" of a call that is over, change nothing. */
export function next(state: PhoneState, event: PhoneEvent): PhoneState {
  const { call } = state
  const to = (call: PhoneCall | null): PhoneState => ({ ...state, call })
  switch (event.type) {
    case 'line':
      return event.line === 'idle' ? IDLE : { ...state, line: event.line }
    case 'rings':
      return call ? state : { ...state, call: { phase: 'ringing', from: event.from }, trouble: null }
    case 'picked_up':
      return call?.phase === 'ringing' ? to({ phase: 'answering', from: call.from }) : state
    case 'connected':
      return call?.phase === 'answering' ? to({ phase: 'talking', from: call.from, muted: false }) : state
    case 'held':
      return call?.phase === 'talking' ? to({ ...call, phase: 'held' }) : state
    case 'resumed':
      return call?.phase === 'held' ? to({ ...call, phase: 'talking' }) : state
    case 'muted':
      return call?.phase === 'talking' || call?.phase === 'held' ? to({ ...call, muted: event.on }) : state
    case 'ended':
      return to(null)
    case 'trouble':
      return { ...state, trouble: event.trouble }
  }
}

/** Counters of a call since it began, as RTCStats has them. */
export interface Statistics {
  packetsReceived: number
  packetsLost: number
  /** Milliseconds; null until the other end has reported. */
  roundTripMs: number | null
  jitterMs: number
}

/** A softphone with one call at a time. What it is told to do when it cannot, it leaves undone. */
export interface Phone {
  readonly state: PhoneState
  /** Registers, and stays registered until `stop`. */
  start(account: Account, devices: Devices): void
  /** Another microphone or speaker; a call that is on changes over. */
  use(devices: Devices): void
  answer(): void
  decline(): void
  hangUp(): void
  hold(): void
  resume(): void
  mute(on: boolean): void
  /** One of 0-9 * #. */
  press(digit: string): void
  statistics(): Promise<Statistics | null>
  /** Ends a call, unregisters. */
  stop(): void
}

/** Makes a phone that tells each of its states to `tell`. */
export type MakePhone = (tell: (state: PhoneState) => void) => Phone
