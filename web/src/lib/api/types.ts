// The shapes of the HTTP contract (/api/v1), as the pages use them.

import type { Incident } from '../incidents'

export type Role =
  | 'operator' | 'supervisor' | 'control' | 'executor' | 'mayor_office' | 'records' | 'auditor' | 'admin'

/** RFC 3339 text, or integer microseconds since 1970 in live messages. */
export type Moment = string | number

/** A name in several languages, or already chosen by the server. */
export type Name = string | Record<string, string>

export interface User {
  second_factor?: boolean
  /** Must be set up before anything else. */
  second_factor_needed?: boolean
  id: string
  name: string
  role: Role
  organisation: string | null
  languages: string[]
  queues: string[]
  extension: string | null
}

/** A case whose applicant the program rings, with what came of it. */
export interface Verification {
  case: string
  /** The applicant who came with this merged case; null is the case's own. */
  applicant_of?: string | null
  since: Moment
  /** None where nobody is rung any more, or by the program. */
  next_attempt: Moment | null
  /** Why nobody is rung any more. */
  over: string | null
  attempts: Attempt[]
  attempts_allowed: number
  /** SMS and e-mails that ask the same. */
  messages?: AskingMessage[]
  answer_by?: Moment | null
}

export interface AskingMessage { channel: 'sms' | 'mail'; state: string; failure: string | null; at: Moment }

/** A number that wants no calls that ask. */
export interface RefusedCall { call: string; number: string; at: Moment }

export interface Attempt {
  call: string
  at: Moment
  /** None while the call goes on. */
  outcome: string | null
  recording: string | null
  offset_ms: number | null
}

export type CallPhase = 'setup' | 'ivr' | 'voicemail' | 'waiting' | 'ringing' | 'talking' | 'wrap_up'

export interface LiveCall {
  id: string
  /** Takes a clearance to be told who calls and what about. */
  withheld?: boolean
  caller: string
  /** From the web page, where no number is signalled. */
  from_web?: boolean
  /** Where such a caller says to be reached; not proven. */
  stated_number?: string | null
  phase: CallPhase
  since: Moment
  answered_at: Moment | null
  language: string | null
  topic: string | null
  ivr_path: string[]
  queue: string | null
  position: number | null
  /** Since when in this queue, whatever phones have rung meanwhile; null when not waiting. */
  waiting_since?: Moment | null
  operator: string | null
  /** The operator who calls a colleague; none when a citizen calls. */
  placed_by?: string | null
  case: string | null
  on_hold: boolean
  /** Who listens in or more; empty for those who may not know. */
  supervisors?: CallSupervisor[]
  /** What is said is on a recording. */
  recorded?: boolean
  /** Of a call that is over; live messages do not carry it. */
  disposition?: Disposition | null
}

/** What a supervisor does in a talk: hears both, is heard by the operator, talks with both, talks in the operator's place. */
export type Supervision = 'listen' | 'whisper' | 'barge' | 'take_over'

export interface CallSupervisor {
  id: string
  how: Supervision
  /** At the phone; otherwise it rings. */
  present: boolean
}

/** A supervisor's words on a desk. */
export interface DeskMessage {
  from: string
  text: string
  to_all: boolean
  /** What the operator serves from now on, when it tells of that; `text` is the reason then. */
  queues?: string[]
  at: Moment
}

export type OperatorStatus = 'logged_out' | 'not_ready' | 'ready' | 'offered' | 'talking' | 'wrap_up'

export interface LiveOperator {
  id: string
  name: string
  extension: string
  languages: string[]
  queues: string[]
  /** Levels by skill. */
  skills?: Record<string, number>
  registered: boolean
  status: OperatorStatus
  reason?: string
  contact?: string
  since: Moment
  /** When the wrap-up ends by itself; null outside of one. */
  wrap_up_ends_at?: Moment | null
}

export interface LiveQueue {
  name: string
  waiting: number
  longest_wait_secs: number
  /** What the next caller would wait; null where nobody can say. */
  expected_wait_secs?: number | null
  /** Since when more call than can be answered; null when they do not. */
  surge_since?: Moment | null
  operators_ready: number
  operators_talking: number
  /** What it asks of its operators, levels by skill. */
  skills?: Record<string, number>
}

/** A provider's line. `unknown`: nobody has asked it yet. */
export interface LiveTrunk {
  name: string
  state: 'unknown' | 'up' | 'down'
  since: Moment
  /** Null where we do not register. */
  registered: boolean | null
  calls: number
}

/** Whether calls can be recorded; the cause while they cannot. */
export interface LiveRecording {
  state: 'off' | 'able' | 'impaired'
  cause: 'disk_full' | 'low_space' | 'disk_error' | 'disk_slow' | null
  since: Moment | null
  refuses_calls: boolean
}

/** Whether new calls are taken; `draining`: an administrator took the node out of service. */
export interface LiveIntake {
  state: 'open' | 'draining' | 'stopping'
  since: Moment | null
}

export interface Snapshot {
  seq: number
  /** When the picture last changed. */
  at: Moment
  calls: LiveCall[]
  operators: LiveOperator[]
  queues: LiveQueue[]
  trunks: LiveTrunk[]
  recording?: LiveRecording
  intake?: LiveIntake
}

export type LiveMessage =
  | { type: 'snapshot'; seq: number; snapshot: Snapshot }
  | { type: 'delta'; seq: number; calls?: LiveCall[]; calls_moved?: { id: string; position: number | null }[]; calls_gone?: string[]; operators?: LiveOperator[]; queues?: LiveQueue[]; trunks?: LiveTrunk[]; recording?: LiveRecording | null; intake?: LiveIntake | null }
  | { type: 'said'; message: DeskMessage }
  | { type: 'ping' }

export type Disposition =
  | 'case_created' | 'case_linked' | 'consultation' | 'transferred_emergency' | 'abandoned' | 'nuisance' | 'technical'

export interface Gap {
  offset_ms: number
  duration_ms: number
  reason: string
}

export interface Recording {
  id: string
  state: string
  started_at: Moment
  sample_rate: number
  frames: number
  duration_ms: number
  gaps: Gap[]
  result: 'ok' | 'degraded' | 'failed' | 'discarded' | null
  sha256: string | null
}

export interface Call {
  id: string
  caller: string
  called: string
  /** Trunk, phone, or `web` for the web page. */
  origin: string
  /** Where a caller from the web page says to be reached; not proven. */
  stated_number?: string | null
  language: string | null
  topic: string | null
  ivr_path: string[]
  queue: string | null
  operator: string | null
  case: string | null
  offered_at: Moment
  answered_at: Moment | null
  queued_at: Moment | null
  connected_at: Moment | null
  ended_at: Moment | null
  termination: string | null
  disposition: Disposition | null
  callback: string | null
  recordings?: Recording[]
}

export type CaseState =
  | 'registered' | 'assigned' | 'accepted' | 'in_progress' | 'on_hold' | 'work_reported' | 'verification' | 'forwarded' | 'explained' | 'closed' | 'archived'

export type Priority = 'normal' | 'urgent' | 'life_safety'

/** An address in its parts. */
export interface Site {
  /** Of the street, in the register. */
  key: string
  street: string
  settlement: string | null
  house: string | null
  flat: string | null
  in_register: boolean
  lat: number | null
  lon: number | null
  /** Organisation id. */
  holder: string | null
}

/** An address chosen from the register. */
export interface SiteChoice {
  key: string
  house: string | null
  flat: string | null
}

export interface Place {
  address: string
  territory: string | null
  site?: Site | null
}

/** One find of the address search. */
export interface AddressHit {
  key: string
  street: string
  former: string | null
  by_former: boolean
  settlement: string | null
  house: string | null
  flat: string | null
  in_register: boolean
  flat_unknown: boolean
  territory: string | null
  holder_name: string | null
  reading: 'as_typed' | 'same_sound' | 'other_layout' | 'similar'
}

export interface Addresses {
  items: AddressHit[]
  /** Whether the city has one. */
  register: boolean
}

export interface Nearby {
  case: Case
  how: 'same_house' | 'same_street' | 'near'
  metres: number | null
  /** Of the same kind and about the same time. */
  likely_duplicate?: boolean
}

/** What is known of a caller, and around the address. */
export interface CaseContext {
  known_name: string | null
  last_place: Place | null
  of_number: Case[]
  nearby: Nearby[]
  near_last_place: boolean
  /** Open ones, those that have the address first. */
  incidents?: Incident[]
}

export interface Deadline {
  norm: string
  first: Moment
  resolve_by: Moment
  accept_by: Moment | null
}

export interface Told {
  at: Moment
  language: string
  channel: string
  delivered: boolean
  confirmed: boolean | null
  cycle?: number
  /** The merged case whose applicant it was. */
  whom?: string | null
}

export interface Evidence {
  id: string
  role: string
  content_type: string
  length: number
  sha256: string
  received_at: Moment
  proof?: Proof | null
}

export type ProofFlag = 'too_far' | 'too_old' | 'no_place' | 'no_time' | 'in_the_future' | 'reused' | 'look_alike'

/** What was found out about a picture when it came in. */
export interface Proof {
  width: number
  height: number
  taken_at: Moment | null
  lat: number | null
  lon: number | null
  distance_m: number | null
  flags: ProofFlag[]
  look_alike: { case: string; evidence: string; bits: number; same_file: boolean } | null
}

/** What one organisation beside the lead does. */
export interface Part {
  executor: string
  executor_name: Name
  state: 'asked' | 'accepted' | 'reported' | 'declined'
  /** Null once it is reported. */
  resolve_by: Moment | null
  /** Why it was declined. */
  reason: string | null
}

export interface Case {
  number: string
  /** Takes a clearance to read. */
  restricted?: boolean
  /** Number, state and deadline are all that is told. */
  withheld?: boolean
  state: CaseState
  state_data?: Record<string, unknown>
  registered_at: Moment
  category: string
  category_name: Name
  place: Place | null
  description: string
  language: string
  priority: Priority
  applicant: { identity: string; number: string | null; name: string | null } | null
  contacts?: string[]
  cycle: number
  /** Steps up the ladder; 0 is the executor. */
  level?: number
  bounces: number
  relations?: { kind: 'repeat_of' | 'duplicate_of' | 'follows', other: string }[]
  /** Applicants of cases merged into this one. */
  joined?: { from: string, applicant: { number: string | null, name: string | null }, language: string, told: boolean }[]
  /** Number of the incident it is part of. */
  incident?: number | null
  inspections?: { at: Moment, cycle: number, passed: boolean }[]
  /** Of a closed case: until when it may be reopened. */
  reopen_until?: Moment | null
  deadline: Deadline | null
  clocks?: Clocks
  told?: Told[]
  next?: { owner: string; action: string; by: Moment } | null
  executor: string | null
  executor_name: Name | null
  /** Who works with the executor on this order. */
  parts?: Part[]
  order?: string | WorkOrder | null
  evidence?: Evidence[]
}

/** A closed case drawn for a visit. */
export interface Drawn {
  case: Case
  cycle: number
  entry: number
  drawn_at: Moment
  inspected_at: Moment | null
  passed: boolean | null
}

export type HoldReason = 'awaiting_applicant' | 'awaiting_third_party' | 'planned_works' | 'season'

export interface Clock {
  norm: string
  act: string | null
  first: Moment
  resolve_by: Moment
  extendable_to: Moment | null
  stage: 'fresh' | 'half' | 'late' | 'overdue' | 'paused' | 'stopped'
}

/** A missed promise that a post is asked about. */
export interface Escalation {
  number: number
  clock: 'citizen' | 'executor'
  missed: Moment
  level: number
  to: { id: string; name: string }[]
  executor_name: string | null
  raised_at: Moment
  answer_by: Moment | null
  answer: { answered_at: Moment; post: { id: string; name: string }; text: string } | null
}

export interface Clocks {
  citizen: Clock | null
  executor: Clock | null
  pauses: { reason: HoldReason; from: Moment; until: Moment }[]
  extensions: { clock: 'citizen' | 'executor'; at: Moment; from: Moment; to: Moment }[]
  asked: { wish: 'pause' | 'extension'; reason: HoldReason | null; until: string; why: string; asked_at: Moment } | null
  escalations: Escalation[]
  moved: number
}

export interface Raised { escalation: Escalation; case: Case | null; number: string; may_answer: boolean }

export interface WorkOrder {
  id: string
  case?: string
  executor: string
  executor_name: Name | null
  state: string
  task: string
  issued_at: Moment
  accept_by: Moment | null
  resolve_by: Moment
  result: string | null
  declined_reason: string | null
  number: string
  category: string
  category_name: Name
  place: Place | null
  description: string
  language: string
  deadline: Deadline | null
  priority: Priority
  case_state: CaseState
  because?: Because | null
  parts?: Part[]
  /** State of the reader's own part; none of the lead. */
  own_part?: string | null
}

export interface TimelineItem {
  seq: number
  at: Moment
  type: string
  recording?: string | null
  offset_ms?: number | null
  actor: { kind: string; id: string; organisation?: string | null } | string | null
  reason?: string | null
  /** Call it belongs to. */
  contact?: string | null
  /** Register number of the case it belongs to. */
  case?: string | null
  data: Record<string, unknown> | null
}

export interface City {
  categories: { id: string; name: Record<string, string>; group: Name | null }[]
  territories: { id: string; name: Name }[]
  organisations: { id: string; name: Name }[]
  posts?: { id: string; name: Name }[]
  /** Clearances there are. */
  privacy_classes?: string[]
  closing_codes: string[]
  telling_channels: string[]
}

export interface Preview {
  executor: string
  executor_name: Name
  resolve_by: Moment
  norm: string
  because?: Because | null
  co_executors?: { id: string; name: Name }[]
}

/** The rule that decided: what it names of the matter. */
export interface Because {
  category: string
  territory: string | null
  holder: string | null
  holder_name: string | null
  hours: string | null
  in_words: string
}

/** Whether an executor may call the applicant of an order now, and the last call there was. */
export interface MaskedCall {
  may_call: boolean
  why_not: string | null
  left_today: number
  own_phone_ends: string | null
  last: { call: string; at: Moment; state: 'ringing' | 'talking' | 'reached' | 'not_reached' } | null
}

/** One SIP message of a call. */
export interface Rung {
  /** From 1; a jump is what was left out. */
  seq: number
  at: Moment
  direction: 'received' | 'sent'
  party: 'citizen' | 'operator'
  transport: string
  from: string
  to: string
  first_line: string
  text: string
}

export interface Ladder {
  items: Rung[]
  left_out: number
}

export interface Peaks {
  sample_rate: number
  frames: number
  /** First byte of sound in the file. */
  data_offset: number
  channels: number[][]
  /** Where both sides are silent for long: from and to, ms. */
  silences: [number, number][]
}

/** What an auditor has to say about a moment of a recording. */
/** An auditor's right to read and play, for a time. */
export interface Engagement {
  id: string
  auditor: string
  auditor_name: string
  from: Moment
  until: Moment
  scope: { categories: string[], queues: string[], calls_from: Moment | null, calls_until: Moment | null }
  purpose: string
  opened_at: Moment
  standing: 'not_yet' | 'running' | 'over'
  closed_at: Moment | null
  closing: string | null
}

export type Outcome = 'in_order' | 'finding' | 'no_recording' | 'no_speech' | 'unintelligible' | 'erased' | 'not_a_case'

export interface SampleItem {
  place: number
  call: string
  stratum: string
  heard: boolean
  outcome: Outcome | null
  judged_at: Moment | null
  findings: { id: string, at: Moment, recording: string, offset_ms: number, text: string }[]
}

/** Calls drawn for an auditor, and all by which the draw can be redone. */
export interface Sample {
  id: string
  engagement: string
  committed_at: Moment
  entry: number
  calls_from: Moment
  calls_until: Moment
  frame_size: number
  frame_sha256: string
  size: number
  strata: 'none' | 'category' | 'queue'
  source: string
  public_at: Moment
  judged: number
  drawn: { at: Moment, checkpoint: number, root: string, value: string, seed: string } | null
  items?: SampleItem[]
}

export interface Finding {
  id: string
  at: Moment
  /** Who found it. */
  author: string
  recording: string
  offset_ms: number
  text: string
}

export interface Page<T> {
  items: T[]
  next: string | null
}
