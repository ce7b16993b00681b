// The phone in the page, as the desk sees it: what state it is in, what it can be told. Who speaks SIP stands behind it
// (`jssip.ts`); the states, what leads from one to the next and what is to become of the calls then are here, without a
// browser and without a clock.

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
export type Trouble = 'refused' | 'missing' | 'busy' | 'media' | 'cut_off'

/** The way to the server. `lost` comes back by itself; `failed` needs somebody. */
export type Line = 'idle' | 'registering' | 'registered' | 'lost' | 'failed'

/** The call that came to us: a citizen's, or a colleague's who asks. `ending` waits for the line to say goodbye. */
export interface PhoneCall {
  phase: 'ringing' | 'answering' | 'talking' | 'held' | 'ending'
  from: string
}

/** The colleague we call beside it, by extension. */
export interface Consultation {
  phase: 'calling' | 'talking' | 'held' | 'ending'
  to: string
}

/** With whom the operator means to talk. The calls follow as soon as the line allows; their phases say how it is now. */
export type Whom = 'caller' | 'colleague' | 'both' | 'nobody'

/** How a consultation ended without being told to, or that the caller left it. */
export type Outcome = 'busy' | 'unanswered' | 'unreachable' | 'not_allowed' | 'no_line' | 'cut_off' | 'hung_up' | 'caller_hung_up' | 'not_handed_over' | 'handed_over'

export interface PhoneState {
  line: Line
  /** A call outlives a lost line: sound takes another way. */
  call: PhoneCall | null
  consultation: Consultation | null
  with: Whom
  muted: boolean
  /** The caller is being connected with the colleague; we leave when it is done. */
  handingOver: boolean
  /** What the operator must be told of the last consultation. */
  news: { outcome: Outcome, colleague: string } | null
  trouble: Trouble | null
}

export const IDLE: PhoneState = { line: 'idle', call: null, consultation: null, with: 'nobody', muted: false, handingOver: false, news: null, trouble: null }

export type PhoneEvent =
  | { type: 'line', line: Line }
  | { type: 'rings', from: string }
  | { type: 'picked_up' }
  | { type: 'connected' }
  | { type: 'held' }
  | { type: 'resumed' }
  | { type: 'hung_up' }
  | { type: 'ended' }
  | { type: 'muted', on: boolean }
  | { type: 'talk_to', whom: Whom }
  | { type: 'dialled', to: string }
  | { type: 'colleague_answered' }
  | { type: 'colleague_held' }
  | { type: 'colleague_resumed' }
  | { type: 'consultation_ended' }
  /** `why` is none when we ended it. */
  | { type: 'colleague_gone', why: Outcome | null }
  | { type: 'handing_over' }
  | { type: 'handed_over', done: boolean }
  | { type: 'trouble', trouble: Trouble | null }

/** Both ends have spoken, or can. */
const isOn = (call: PhoneCall | Consultation | null) => call?.phase === 'talking' || call?.phase === 'held'

/** A colleague can be asked: the caller is there, nobody else is. */
export const canConsult = ({ line, call, consultation }: PhoneState) => line === 'registered' && isOn(call) && !consultation
/** Whom we talk with can change: both are there, and none of them is about to leave. */
export const canTurn = ({ line, call, consultation, handingOver }: PhoneState) => line === 'registered' && isOn(call) && isOn(consultation) && !handingOver
export const inConference = ({ call, consultation }: PhoneState) => call?.phase === 'talking' && consultation?.phase === 'talking'
/** Whose sound we hear, where there is one: by its counters the line is judged. */
export const heard = ({ call, consultation }: PhoneState) => (call?.phase === 'talking' ? 'call' : consultation?.phase === 'talking' ? 'consultation' : null)

/** What an event makes of a state. Events that do not fit, as a late "held" of a call that is over, change nothing. */
export function next(state: PhoneState, event: PhoneEvent): PhoneState {
  const { call, consultation } = state
  const to = (phase: PhoneCall['phase'], more: Partial<PhoneState> = {}): PhoneState => (call ? { ...state, call: { ...call, phase }, ...more } : state)
  const colleague = (phase: Consultation['phase'], more: Partial<PhoneState> = {}): PhoneState => (consultation ? { ...state, consultation: { ...consultation, phase }, ...more } : state)
  switch (event.type) {
    case 'line':
      return event.line === 'idle' ? IDLE : { ...state, line: event.line }
    case 'rings':
      return call || consultation ? state : { ...state, call: { phase: 'ringing', from: event.from }, muted: false, news: null, trouble: null }
    case 'picked_up':
      return call?.phase === 'ringing' ? to('answering') : state
    case 'connected':
      return call?.phase === 'answering' ? to('talking', { with: 'caller' }) : state
    case 'held':
      return call?.phase === 'talking' ? to('held') : state
    case 'resumed':
      return call?.phase === 'held' ? to('talking') : state
    case 'hung_up':
      return isOn(call) ? to('ending') : state
    case 'ended':
      return call ? callerGone(state) : state
    case 'muted':
      return isOn(call) || isOn(consultation) ? { ...state, muted: event.on } : state
    case 'talk_to': {
      const alone = event.whom === 'caller' || event.whom === 'nobody'
      const can = alone && !consultation ? isOn(call) : event.whom !== 'nobody' && isOn(call) && isOn(consultation) && !state.handingOver
      return can ? { ...state, with: event.whom, news: null } : state
    }
    case 'dialled':
      return isOn(call) && !consultation ? { ...state, consultation: { phase: 'calling', to: event.to }, with: 'colleague', news: null } : state
    case 'colleague_answered':
      return consultation?.phase === 'calling' ? colleague('talking') : state
    case 'colleague_held':
      return consultation?.phase === 'talking' ? colleague('held') : state
    case 'colleague_resumed':
      return consultation?.phase === 'held' ? colleague('talking') : state
    case 'consultation_ended':
      return consultation && !state.handingOver ? colleague('ending', { with: call ? 'caller' : 'nobody', news: null }) : state
    case 'colleague_gone':
      return consultation ? colleagueGone(state, consultation, event.why) : state
    case 'handing_over':
      return isOn(call) && isOn(consultation) ? { ...state, handingOver: true, news: null } : state
    case 'handed_over':
      if (!state.handingOver || !consultation) return state
      return event.done
        ? { ...state, call: null, consultation: null, with: 'nobody', muted: false, handingOver: false, news: { outcome: 'handed_over', colleague: consultation.to } }
        : { ...state, with: 'caller', handingOver: false, news: { outcome: 'not_handed_over', colleague: consultation.to } }
    case 'trouble':
      return { ...state, trouble: event.trouble }
  }
}

/** A colleague who still rings is not needed any more; one who waits is talked to. */
function callerGone(state: PhoneState): PhoneState {
  const { consultation } = state
  if (!consultation) return { ...state, call: null, with: 'nobody', muted: false, news: null }
  // While they are being connected the caller's call ends as a rule because they are.
  const leaves = !isOn(consultation) || state.handingOver
  return {
    ...state, call: null, with: leaves ? 'nobody' : 'colleague', handingOver: false,
    consultation: leaves ? { ...consultation, phase: 'ending' } : consultation,
    news: state.handingOver ? null : { outcome: 'caller_hung_up', colleague: consultation.to },
  }
}

/** Back to the caller, whoever was talked to. */
function colleagueGone(state: PhoneState, { to }: Consultation, why: Outcome | null): PhoneState {
  const outcome = state.handingOver ? 'not_handed_over' : why
  return {
    ...state, consultation: null, with: state.call ? 'caller' : 'nobody', muted: state.call !== null && state.muted, handingOver: false,
    news: outcome ? { outcome, colleague: to } : state.news,
  }
}

export type Wish = 'talk' | 'hold' | 'end'

/** What is to become of the two calls in this state; none of one that is not there, or still rings. */
export function wishes({ call, consultation, with: whom }: PhoneState): { call: Wish | null, consultation: Wish | null } {
  const wish = (one: PhoneCall | Consultation | null, mine: Whom): Wish | null => {
    if (one?.phase === 'ending') return 'end'
    if (!isOn(one)) return null
    return whom === mine || whom === 'both' ? 'talk' : 'hold'
  }
  return { call: wish(call, 'caller'), consultation: wish(consultation, 'colleague') }
}

/** Counters of a call since it began, as RTCStats has them. */
export interface Statistics {
  packetsReceived: number
  packetsLost: number
  /** Share of our packets that the other end missed lately, 0 to 1; null until it has reported. */
  lossThere: number | null
  /** Milliseconds; null until the other end has reported. */
  roundTripMs: number | null
  jitterMs: number
}

/**
 * A softphone with one call, and a colleague who can be asked beside it. What it is told to do when it cannot, it leaves
 * undone; what the line does not allow now it does when the line is back.
 */
export interface Phone {
  readonly state: PhoneState
  /** Registers, and stays registered until `stop`. */
  start(account: Account, devices: Devices): void
  /** Another microphone or speaker; a call that is on changes over. */
  use(devices: Devices): void
  answer(): void
  decline(): void
  hangUp(): void
  /** Holds whom we do not talk to; `both` lets all three hear one another. */
  talkTo(whom: Whom): void
  mute(on: boolean): void
  /** One of 0-9 * #. */
  press(digit: string): void
  /** Holds the caller and calls a colleague. */
  consult(extension: string): void
  /** Lets the colleague go and returns to the caller. */
  endConsultation(): void
  /** Connects caller and colleague, and leaves. */
  handOver(): void
  /** Of the call that is heard. */
  statistics(): Promise<Statistics | null>
  /** Ends all calls, unregisters. */
  stop(): void
}

/** Whether a caller asks to be answered at once: `Answer-Mode: Auto`, with parameters or without (RFC 5373 4.1). */
export const asksForAnswer = (answerMode: string | undefined) => /^\s*auto\s*(?:;|$)/i.test(answerMode ?? '')

/** Makes a phone that tells each of its states to `tell`, and answers by itself who asks for that where it is `obliging`. */
export type MakePhone = (tell: (state: PhoneState) => void, obliging: boolean) => Phone
