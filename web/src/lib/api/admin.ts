// The shapes of /api/v1/admin, as the administrator's pages use them.
import type { LiveIntake, LiveRecording, Moment, Role, Rung } from './types'

export interface ServiceState {
  version: string
  started_at: Moment
  in_force_at: Moment
  short_number: string
  calls: number
  trunks: number
  trunks_down: number
  operators: number
  operators_present: number
  prompts_recorded: number
  prompts_spoken: number
  recording: LiveRecording
  intake: LiveIntake
  /** Keys of the configuration that wait for a restart. */
  restart_needed: string[]
}

export interface TrunkServer { address: string; transport: string; reachable: boolean | null; registered: boolean }

export interface AdminTrunk {
  name: string
  from: string[]
  to: string[]
  register: boolean
  user: string | null
  probe_secs: number
  max_calls: number | null
  max_calls_per_second: number | null
  caller: string | null
  takes: string[]
  state: 'unknown' | 'up' | 'down'
  since: Moment
  registered: boolean | null
  calls: number
  servers: TrunkServer[]
  registration_failure: 'unanswered' | 'challenged' | 'refused' | 'no_server' | null
  registration_status: number | null
  turned_away: 'trunk_full' | 'trunk_rate' | null
  turned_away_at: Moment | null
  last_call: { id: string; at: Moment; termination: string | null } | null
}

export interface TrunkLadder { items: (Omit<Rung, 'party'> & { party: 'provider' })[]; left_out: number }

export interface Device { kind: 'page' | 'softphone' | 'desk_phone' | 'unknown'; user_agent: string; transport: string; address: string; reachable: boolean }

export interface Person {
  id: string
  name: string
  role: Role
  organisation: string | null
  languages: string[]
  queues: string[]
  skills: Record<string, number>
  posts?: string[]
  clearances?: string[]
  second_factor?: boolean
  extension: string | null
  blocked: boolean
  phones: Device[]
  field?: FieldPhone | null
}

/** Where an executor is rung outside, and their code. */
export interface FieldPhone {
  phone: string | null
  code: 'usable' | 'resting' | 'void' | null
}

export interface PhoneSetup {
  extension: string
  realm: string
  digest: string[]
  servers: { host: string; port: number; transport: 'tls' | 'tcp' | 'udp' }[]
  /** Only when it is new. */
  password: string | null
  /** `qr`: a row of 0 and 1 for each row of modules. */
  link: { url: string; expires_at: Moment; qr: string[] }
}

export interface AdminQueue {
  name: string
  file: string | null
  line: number | null
  keys: { key: string; value: unknown }[]
  operators: string[]
  nodes: string[]
  waiting: number
}

export interface TreeExit { by: string; key: string | null; to: string | null }

export interface TreeNode {
  name: string
  kind: string
  line: number
  topic: string | null
  about: string | null
  prompts: { id: string; when: 'prompt' | 'no_input' | 'no_match'; texts: Record<string, string> }[]
  exits: TreeExit[]
}

export interface Tree { file: string; languages: string[]; time_zone: string; start: string; emergency: string; nodes: TreeNode[] }

export interface SimulatedStep { at_secs: number; what: string; name: string | null; text: string | null; language: string | null }

export interface Simulation {
  lines: SimulatedStep[]
  exit: { kind: 'queue' | 'duty' | 'callback' | 'voicemail' | 'hangup'; queue: string | null; roster: string | null; topic: string | null; urgent: boolean; max_secs: number | null } | null
}

export interface PromptSound { text: string | null; source: 'recorded' | 'spoken' | 'missing'; duration_ms: number | null; pending: 'recorded' | 'removed' | null }
/** A prompt that is spoken into a telephone. */
export interface Dictation {
  prompt: string
  language: string
  stage: 'ringing' | 'instructing' | 'speaking' | 'reading' | 'choosing' | 'keeping' | 'kept' | 'not_kept' | 'not_answered'
  takes: number
  longest_secs: number
}

export interface Prompt { id: string; nodes: string[]; by_itself: boolean; spoken: Record<string, PromptSound> }
export interface Prompts { languages: string[]; folder: string; items: Prompt[] }

export interface DiffLine { kind: 'same' | 'added' | 'removed'; before: number | null; after: number | null; text: string }
export interface Hunk { lines: DiffLine[] }

export interface Changes {
  in_force_at: Moment
  files: { file: string; path: string; state: 'same' | 'changed' | 'unreadable'; hunks: Hunk[] }[]
  recordings: { language: string; id: string; change: 'recorded' | 'removed' }[]
  complaints: string[]
}

export interface Version { id: number; file: string; sha256: string; at: Moment; by: string | null; how: string; in_force: boolean; hunks?: Hunk[] }

export interface MessageWay {
  channel: 'sms' | 'mail'
  on: boolean
  registered: boolean
  reports: boolean
  halted_since: Moment | null
  taken_at: Moment | null
  trouble_at: Moment | null
  trouble: string | null
  waiting: number
  unreported: number
  reached: number
  failed: number
}

export interface SentMessage {
  id: string
  case: string | null
  channel: 'sms' | 'mail'
  occasion: string
  state: string
  failure: string | null
  to: string
  attempts: number
  queued_at: Moment
  settled_at: Moment | null
}

export interface SentMessages { ways: MessageWay[]; latest: SentMessage[] }
