// The administrator's part of the HTTP contract, answered from memory: the shipped voice menu, invented trunks, people and
// versions. A trial call here only follows the keys; the real walk is the service's.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AdminQueue, AdminTrunk, Changes, Person, PhoneSetup, Prompts, ServiceState, Simulation, SimulatedStep, Tree, TreeNode, TrunkLadder, Version } from '../../src/lib/api/admin.ts'
import { CALLS, USERS, at } from './city.ts'
import { sessionsApi } from './sessions.ts'

const LANGUAGES = ['uk', 'en', 'lt', 'pl', 'ru', 'he']

/** Name, kind, line, what it is about, topic, prompts (`when=id`), exits (`by:to`). */
type Row = [string, string, number, string | null, string | null, string, string]
const PLAN: Row[] = [
  ['after_status', 'menu', 274, null, null, 'emergency.key after_status no_match=wrong_key', '1:ask_case 2:hours 0:emergency no_input:farewell no_match:farewell'],
  ['all_busy', 'menu', 200, null, null, 'emergency.key all_busy no_input=no_input no_match=wrong_key', '1:ring_back 2:ask_number 3:message 0:emergency no_input:ring_back no_match:ring_back'],
  ['ask_case', 'collect', 247, null, null, 'case.ask_number no_input=no_input no_match=case.wrong_number', 'next:case_status no_input:after_status no_match:after_status'],
  ['ask_number', 'collect', 217, null, null, 'callback.ask_number no_input=no_input no_match=callback.wrong_number', 'next:ring_back no_input:message no_match:message'],
  ['case_failed', 'say', 269, null, null, 'case.failed', 'next:after_status'],
  ['case_not_found', 'say', 264, null, null, 'case.not_found $case_number', 'next:after_status'],
  ['case_status', 'case_status', 258, null, null, '', 'next:after_status not_found:case_not_found failed:case_failed'],
  ['closed', 'menu', 291, null, null, 'emergency.key closed no_input=no_input no_match=wrong_key', '1:duty 2:message 9:own_cases 0:emergency *:language no_input:message no_match:message'],
  ['count_cases', 'say', 242, null, null, 'case.count $count', 'next:ask_case'],
  ['duty', 'queue', 304, 'duty', 'breakdown', 'duty.connecting', 'full:duty_busy'],
  ['duty_busy', 'menu', 311, null, null, 'emergency.key duty.busy no_match=wrong_key', '1:ring_back 2:message 0:emergency no_input:ring_back no_match:ring_back'],
  ['electricity', 'queue', 130, 'city', 'electricity', 'topic.electricity connecting', 'full:all_busy surge:surge'],
  ['emergency', 'queue', 59, 'emergency', 'emergency', 'emergency.stay', 'full:emergency_any'],
  ['emergency_112', 'hangup', 73, null, null, 'emergency.call_112', ''],
  ['emergency_any', 'queue', 67, 'city', null, '', 'full:emergency_112'],
  ['farewell', 'hangup', 285, null, null, 'goodbye', ''],
  ['greeting', 'say', 19, null, null, 'greeting recording_notice', 'next:language'],
  ['heating', 'queue', 122, 'city', 'heating', 'topic.heating connecting', 'full:all_busy surge:surge'],
  ['hours', 'schedule', 79, 'office', null, '', 'open:topics closed:closed holiday:closed emergency:situation'],
  ['housing', 'queue', 138, 'city', 'housing', 'topic.housing connecting', 'full:all_busy surge:surge'],
  ['language', 'menu', 25, null, null, 'emergency.key language.uk@uk language.en@en language.lt@lt language.pl@pl language.ru@ru language.he@he no_match=wrong_key', '1:speak_uk 2:speak_en 3:speak_lt 4:speak_pl 5:speak_ru 6:speak_he 0:emergency no_input:hours no_match:hours'],
  ['message', 'voicemail', 228, null, null, 'voicemail.leave', ''],
  ['notice', 'say', 52, null, null, 'recording_notice', 'next:hours'],
  ['other', 'queue', 170, 'city', 'other', 'connecting', 'full:all_busy surge:surge'],
  ['own_cases', 'lookup', 235, null, null, '', 'found:count_cases not_found:ask_case failed:ask_case'],
  ['ring_back', 'callback', 212, null, null, 'callback.promise $callback_number goodbye', 'no_number:ask_number'],
  ['roads', 'queue', 162, 'city', 'roads', 'topic.roads connecting', 'full:all_busy surge:surge'],
  ['situation', 'say', 87, null, null, 'situation', 'next:topics'],
  ['speak_en', 'set_language', 46, 'en', null, '', 'next:notice'],
  ['speak_he', 'set_language', 50, 'he', null, '', 'next:notice'],
  ['speak_lt', 'set_language', 47, 'lt', null, '', 'next:notice'],
  ['speak_pl', 'set_language', 48, 'pl', null, '', 'next:notice'],
  ['speak_ru', 'set_language', 49, 'ru', null, '', 'next:notice'],
  ['speak_uk', 'set_language', 45, 'uk', null, '', 'next:hours'],
  ['stay', 'queue', 192, 'city', null, 'connecting', 'full:all_busy'],
  ['surge', 'menu', 180, null, null, 'emergency.key surge no_match=wrong_key', '1:ring_back 2:ask_number 3:stay 0:emergency no_input:stay no_match:stay'],
  ['topics', 'menu', 94, null, null, 'emergency.key topics no_input=no_input no_match=wrong_key', '1:water 2:heating 3:electricity 4:housing 5:transport 6:waste 7:roads 8:other 9:own_cases 0:emergency *:language #:topics no_input:other no_match:other'],
  ['transport', 'queue', 146, 'city', 'transport', 'topic.transport connecting', 'full:all_busy surge:surge'],
  ['waste', 'queue', 154, 'city', 'waste', 'topic.waste connecting', 'full:all_busy surge:surge'],
  ['water', 'queue', 114, 'city', 'water', 'topic.water connecting', 'full:all_busy surge:surge'],
]

const shipped = (name: string) => readFileSync(fileURLToPath(new URL(`../../../dialplans/${name}`, import.meta.url)), 'utf8')

/** Texts of one language of the shipped prompts. */
function texts(language: string): Map<string, string> {
  const found = new Map<string, string>()
  let table = ''
  for (const line of shipped(`prompts/${language}.toml`).split('\n')) {
    table = /^\[([\w.]+)\]/.exec(line)?.[1] ?? table
    const entry = /^"?([\w.]+)"?\s*=\s*(?:\{\s*text\s*=\s*)?"((?:[^"\\]|\\.)*)"/.exec(line)
    if (entry) found.set((table ? `${table}.` : '') + entry[1], entry[2]!.replace(/\\"/g, '"'))
  }
  return found
}
const TEXTS = new Map(LANGUAGES.map((language) => [language, texts(language)]))

const node = ([name, kind, line, about, topic, prompts, exits]: Row): TreeNode => ({
  name, kind, line, about, topic,
  prompts: prompts.split(' ').filter(Boolean).map((text) => {
    const [when, full] = text.includes('=') ? text.split('=') as ['no_input' | 'no_match', string] : ['prompt' as const, text]
    const [id, only] = full.split('@') as [string, string | undefined]
    const spoken = (only ? [only] : LANGUAGES).flatMap((language) => { const words = TEXTS.get(language)!.get(id); return words ? [[language, words]] : [] })
    return { id, when, texts: Object.fromEntries(spoken) as Record<string, string> }
  }),
  exits: exits.split(' ').filter(Boolean).map((text) => {
    const [by, to] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
    return /^[0-9*#]$/.test(by) ? { by: 'key', key: by, to } : { by, key: null, to }
  }),
})

export const TREE: Tree = { file: 'dialplans/1580.toml', languages: LANGUAGES, time_zone: 'Europe/Kyiv', start: 'greeting', emergency: 'emergency', nodes: PLAN.map(node) }

/** Follows keys and what goes on by itself; enough to see the page work. */
function simulate(inputs: string[], first: string): Simulation {
  const lines: SimulatedStep[] = []
  const keys = inputs.flatMap((word) => (/^[0-9*#]+$/.test(word) ? [...word] : [word]))
  let name: string | null = TREE.start
  let language = first
  let at_secs = 0
  const tell = (what: string, about: string | null = null, text: string | null = null) => lines.push({ at_secs, what, name: about, text, language: what === 'said' ? language : null })
  const go = (here: TreeNode, by: string, key: string | null = null) => here.exits.find((exit) => exit.by === by && exit.key === key)?.to ?? null
  while (name !== null && lines.length < 200) {
    const wanted: string = name
    const here = TREE.nodes.find((one) => one.name === wanted)!
    tell('node', name)
    if (here.topic) tell('topic', here.topic)
    for (const prompt of here.prompts.filter((prompt) => prompt.when === 'prompt')) { tell('said', prompt.id, prompt.texts[language] ?? Object.values(prompt.texts)[0] ?? null); at_secs += 4 }
    if (here.kind === 'menu' || here.kind === 'collect') {
      const key = keys.shift()
      if (key === undefined) return { lines, exit: null }
      if (key === 'w') { tell('silent'); tell('no_input'); at_secs += 6; name = go(here, 'no_input'); continue }
      tell('pressed', key)
      const to = here.kind === 'menu' ? go(here, 'key', key) : go(here, 'next')
      if (to === null) tell('no_match')
      name = to ?? name
    } else if (here.kind === 'set_language') { language = here.about!; tell('language', language); name = go(here, 'next') }
    else if (here.kind === 'schedule') name = go(here, 'open')
    else if (here.kind === 'lookup' || here.kind === 'case_status') { tell('looked_up', here.kind === 'lookup' ? 'own_cases' : 'case_status'); name = keys[0]?.includes('=') ? (keys.shift(), go(here, 'found') ?? go(here, 'next')) : go(here, 'failed') }
    else if (here.kind === 'queue') {
      if (keys[0] === 'full' || keys[0] === 'surge') { const why = keys.shift()!; tell(why === 'full' ? 'queue_full' : 'surge'); name = go(here, why); continue }
      tell('left')
      return { lines, exit: { kind: 'queue', queue: here.about, roster: null, topic: here.topic, urgent: here.topic === 'emergency', max_secs: null } }
    } else if (here.kind === 'callback' || here.kind === 'voicemail' || here.kind === 'hangup') {
      tell('left')
      return { lines, exit: { kind: here.kind, queue: null, roster: null, topic: null, urgent: false, max_secs: here.kind === 'voicemail' ? 120 : null } }
    } else name = go(here, 'next')
  }
  return { lines, exit: null }
}

const rung = (seq: number, seconds: number, direction: 'received' | 'sent', first_line: string, cseq: string): TrunkLadder['items'][number] => {
  const [us, them] = ['192.0.2.10:5060', '198.51.100.7:5060']
  const [from, to] = direction === 'sent' ? [us, them] : [them, us]
  return { seq, at: at(-0.02 + seconds / 3600), direction, party: 'provider', transport: 'UDP', from, to, first_line, text: `${first_line}\r\nVia: SIP/2.0/UDP ${us}\r\nCSeq: ${cseq}\r\nContent-Length: 0\r\n\r\n` }
}
const WIRE: TrunkLadder = { left_out: 0, items: [
  rung(1, 0, 'sent', 'REGISTER sip:trunk.example SIP/2.0', '1 REGISTER'), rung(2, 0.041, 'received', 'SIP/2.0 401 Unauthorized', '1 REGISTER'),
  rung(3, 0.043, 'sent', 'REGISTER sip:trunk.example SIP/2.0', '2 REGISTER'), rung(4, 0.088, 'received', 'SIP/2.0 403 Forbidden', '2 REGISTER'),
  rung(5, 1.2, 'sent', 'OPTIONS sip:trunk.example SIP/2.0', '7 OPTIONS'), rung(6, 1.231, 'received', 'SIP/2.0 200 OK', '7 OPTIONS'),
] }

const trunk = (name: string, more: Partial<AdminTrunk>): AdminTrunk => ({
  name, from: [], to: [], register: false, user: null, probe_secs: 30, max_calls: null, max_calls_per_second: null, caller: null, takes: [], state: 'up', since: at(-30),
  registered: null, calls: 0, servers: [], registration_failure: null, registration_status: null, turned_away: null, turned_away_at: null, last_call: null, ...more,
})
const TRUNKS: AdminTrunk[] = [
  trunk('ukrtelecom', { to: ['sip:trunk.example'], register: true, user: 'city1580', registered: true, calls: 12, max_calls: 60, servers: [{ address: '198.51.100.7:5060', transport: 'UDP', reachable: true, registered: true }, { address: '198.51.100.8:5060', transport: 'UDP', reachable: true, registered: false }], turned_away: 'trunk_rate', turned_away_at: at(-3), last_call: { id: CALLS[0]!.id, at: at(-0.1), termination: 'caller_hung_up' } }),
  trunk('kyivstar', { to: ['sip:sbc.example;transport=tls'], register: true, user: '380440001580', registered: false, state: 'down', since: at(-0.4), servers: [{ address: '203.0.113.20:5061', transport: 'TLS', reachable: false, registered: false }], registration_failure: 'refused', registration_status: 403, last_call: { id: CALLS[1]!.id, at: at(-5), termination: 'caller_hung_up' } }),
  trunk('pbx', { from: ['192.0.2.0/24'], state: 'unknown' }),
]

const person = (id: string, name: string, role: Person['role'], more: Partial<Person> = {}): Person =>
  ({ id, name, role, organisation: null, languages: ['uk'], queues: [], skills: {}, extension: null, blocked: false, phones: [], ...more })
const PEOPLE: Person[] = [
  person('u-10', 'Богдан Левчук', 'operator', { queues: ['city'], extension: '104' }),
  person('u-7', USERS.auditor!.name, 'auditor'),
  person('u-2', USERS.quiet!.name, 'operator', { languages: ['uk', 'ru'], queues: ['city'], extension: '102', phones: [{ kind: 'desk_phone', user_agent: 'Yealink SIP-T46U 108.86.0.20', transport: 'TCP', address: '192.0.2.61', reachable: false }] }),
  person('u-11', 'Лариса Ткаченко', 'operator', { queues: ['city', 'duty'], blocked: true }),
  person('u-8', USERS.admin!.name, 'admin'),
  person('u-1', USERS.operator!.name, 'operator', { languages: ['uk', 'en', 'pl'], queues: ['city', 'emergency'], skills: { water: 4, heating: 2 }, extension: '101', phones: [{ kind: 'page', user_agent: 'JsSIP 3.13.8', transport: 'WSS', address: '192.0.2.44', reachable: true }] }),
  person('u-5', USERS.executor!.name, 'executor', { organisation: 'vodokanal', field: { phone: '+380501234567', code: 'resting' } }),
]

const KEYS: [string, unknown][] = [['strategy', 'longest_idle'], ['extension', '810'], ['capacity', 50], ['no_answer_secs', 20], ['wrap_up_secs', 30], ['announce_secs', 45], ['head_start_secs', 0], ['ring_another_secs', 5], ['relax_language_secs', 120], ['skills', {}], ['relax_skills_secs', 60], ['max_wait_secs', 0], ['max_expected_wait_secs', 900], ['surge_per_minute', 40], ['surge_wait_secs', 300]]
const queue = (name: string, line: number, changed: Record<string, unknown>, operators: string[], waiting: number): AdminQueue => ({
  name, file: 'config.toml', line, waiting, operators, nodes: TREE.nodes.filter((node) => node.kind === 'queue' && node.about === name).map((node) => node.name),
  keys: KEYS.map(([key, value]) => ({ key, value: key in changed ? changed[key] : value })),
})
const QUEUES = [
  queue('city', 212, {}, ['Олена Коваль', 'Ігор Бондар', 'Богдан Левчук'], 4),
  queue('emergency', 231, { strategy: 'ring_all', extension: '811', head_start_secs: 600, skills: { safety: 2 } }, ['Олена Коваль'], 0),
  queue('duty', 244, { strategy: 'linear', extension: null, surge_per_minute: 0 }, [], 0),
]

/** A pattern that looks like a code; no telephone reads it. */
export const QR = Array.from({ length: 33 }, (_, y) => Array.from({ length: 33 }, (_, x) => {
  const corner = (cx: number, cy: number) => { const d = Math.max(Math.abs(x - cx), Math.abs(y - cy)); return d === 3 || d <= 1 }
  const near = ((x < 8 || x > 24) && y < 8) || (x < 8 && y > 24)
  return (near ? corner(3, 3) || corner(29, 3) || corner(3, 29) : (x * 7 + y * 13 + x * y) % 5 < 2) ? '1' : '0'
}).join(''))

const version = (id: number, file: string, how: string, hours: number, by: string | null, in_force: boolean): Version =>
  ({ id, file, how, by, in_force, at: at(hours), sha256: ((id * 2654435761) % 4294967296).toString(16).padStart(8, '0').repeat(8) })

class Refused extends Error { constructor(readonly status: number, detail: string, readonly more: object = {}) { super(detail) } }

export function adminApi() {
  const people = structuredClone(PEOPLE)
  const recorded = new Map<string, 'recorded' | 'removed'>()
  let reloads = 0
  let drained: string | null = null
  /** The prompt that is spoken into a telephone; how far it is, the test says. */
  const studio = { prompt: '', language: '', stage: 'ringing' }
  let versions = [
    version(9, 'dialplan', 'published', -26, 'Наталя Дяченко', true), version(8, 'prompts/uk', 'published', -26, 'Наталя Дяченко', true),
    version(7, 'city', 'published', -70, 'Наталя Дяченко', true), version(6, 'dialplan', 'set_aside', -190, 'Наталя Дяченко', false), version(5, 'dialplan', 'restored', -190, 'Наталя Дяченко', false),
    version(2, 'city', 'started', -700, null, false), version(1, 'dialplan', 'started', -700, null, false),
  ]
  const line = (kind: 'same' | 'added' | 'removed', before: number | null, after: number | null, text: string) => ({ kind, before, after, text })
  const hunks = [{ lines: [
    line('same', 88, 88, '[node.topics]'), line('same', 89, 89, 'kind = "menu"'), line('same', 90, 90, 'prompt = ["emergency.key", "topics"]'),
    line('removed', 91, null, 'keys = { 1 = "water", 2 = "heating", 0 = "emergency" }'), line('added', null, 91, 'keys = { 1 = "heating", 2 = "water", 0 = "emergency" }'),
    line('same', 92, 92, 'no_input = { after = 2, prompt = "no_input", to = "other" }'), line('same', 93, 93, ''), line('same', 94, 94, '[node.water]'),
  ] }]
  const secret = [{ lines: [line('same', 150, 150, '[[trunk]]'), line('same', 151, 151, 'name = "kyivstar"'), line('removed', 152, null, 'password = "****"'), line('added', null, 152, 'password = "****"'), line('same', 153, 153, 'register = true')] }]

  function changes(): Changes {
    const published = reloads > 0
    return { in_force_at: at(-26), complaints: [], recordings: [...recorded].map(([key, change]) => ({ language: key.split('/')[0]!, id: key.split('/')[1]!, change })), files: [
      { file: 'config', path: 'config.toml', state: published ? 'same' : 'changed', hunks: published ? [] : secret },
      { file: 'dialplan', path: 'dialplans/1580.toml', state: published ? 'same' : 'changed', hunks: published ? [] : hunks },
      { file: 'city', path: 'city.toml', state: 'same', hunks: [] },
    ] }
  }
  function prompts(): Prompts {
    const ids = new Map<string, string[]>()
    for (const node of TREE.nodes) for (const prompt of node.prompts) if (!prompt.id.startsWith('$')) ids.set(prompt.id, [...new Set([...(ids.get(prompt.id) ?? []), node.name])])
    for (const id of ['queue.next', 'status.is', 'number.1']) ids.set(id, [])
    const items = [...ids].sort().map(([id, nodes]) => ({ id, nodes, by_itself: nodes.length === 0, spoken: Object.fromEntries(LANGUAGES.flatMap((language) => {
      const text = TEXTS.get(language)!.get(id)
      if (!text) return []
      const source: 'recorded' | 'spoken' | 'missing' = id === 'greeting' && language !== 'he' ? 'recorded' : id === 'surge' && language === 'he' ? 'missing' : 'spoken'
      return [[language, { text, source, duration_ms: source === 'missing' ? null : 900 + text.length * 62, pending: recorded.get(`${language}/${id}`) ?? null }]]
    })) }))
    return { languages: LANGUAGES, folder: 'dialplans/prompts', items }
  }
  function phone(who: Person, body: { origin: string, extension?: string, new_password?: boolean }): PhoneSetup {
    if (people.some((one) => one !== who && one.extension === body.extension)) throw new Refused(409, `extension ${body.extension} already exists`)
    const fresh = body.new_password || who.extension !== body.extension
    who.extension = body.extension ?? who.extension
    return { extension: who.extension ?? '', realm: 'ringback', digest: ['SHA-256', 'MD5'], servers: [{ host: '192.0.2.10', port: 5061, transport: 'tls' }, { host: '192.0.2.10', port: 5060, transport: 'udp' }], password: fresh ? '7f3a9c01d8e24b6650af' : null,
      link: { url: `${body.origin}/provision/0123456789abcdef0123456789abcdef`, expires_at: new Date(Date.now() + 900_000).toISOString(), qr: QR } }
  }
  const sessions = sessionsApi()
  function users(method: string, id: string | undefined, what: string | undefined, json: Record<string, unknown>): unknown {
    if (!id && method === 'POST') {
      if (people.some((one) => one.name === json.name)) throw new Refused(409, `user ${json.name} already exists`)
      const added = person(`u-${people.length + 20}`, String(json.name), json.role as Person['role'], { languages: json.languages as string[], queues: (json.queues as string[] | undefined) ?? [], skills: (json.skills as Record<string, number> | undefined) ?? {} })
      people.push(added)
      return added
    }
    if (!id) return { items: people, next: null }
    const who = people.find((one) => one.id === id)
    if (!who) throw new Refused(404, 'there is no such user')
    if (what === 'sessions') return sessions(method, undefined, true)
    if (what === 'phone') return phone(who, json as unknown as { origin: string })
    if (who.role === 'admin' && json.blocked) throw new Refused(409, 'the last administrator who can sign in stays', { type: 'urn:ringback:problem:last_admin' })
    const { password: _, ...changed } = json
    return Object.assign(who, changed)
  }

  const latest = [
    { id: 'n-3', case: '2026-01-000388', channel: 'mail', occasion: 'done', state: 'sent', failure: null as string | null, to: 'o***@city.example', attempts: 1, queued_at: at(-2), settled_at: at(-2) as string | null },
    { id: 'n-2', case: '2026-01-000388', channel: 'sms', occasion: 'done', state: 'failed', failure: 'undelivered', to: '***********67', attempts: 1, queued_at: at(-4), settled_at: at(-3) },
    { id: 'n-1', case: '2026-01-000431', channel: 'sms', occasion: 'registered', state: 'delivered', failure: null, to: '***********33', attempts: 2, queued_at: at(-30), settled_at: at(-30) },
  ]
  function notifications(method: string, json: Record<string, unknown>): unknown {
    if (method === 'POST') {
      if (!/^\+380\d{9}$/.test(String(json.to)) && !String(json.to).includes('@')) throw new Refused(422, 'this is no number that `takes` of [sms] allows, with its + and country code')
      latest.unshift({ id: 'n-9', case: null as unknown as string, channel: String(json.channel), occasion: 'test', state: 'queued', failure: null, to: '***********99', attempts: 0, queued_at: at(0), settled_at: null })
      return { id: 'n-9' }
    }
    const way = { on: true, registered: true, reports: true, halted_since: null, taken_at: at(-1), trouble_at: null, trouble: null, waiting: 2, unreported: 3, reached: 148, failed: 0 }
    return { ways: [
      { ...way, channel: 'sms', halted_since: at(-0.5), failed: 6, trouble_at: at(-0.4), trouble: 'the gateway was not reached: Connection refused (os error 111)' },
      { ...way, channel: 'mail', reports: false, reached: 17 },
    ], latest }
  }

  /** The answer to /admin/...; what it throws has a status. */
  function answer(method: string, parts: string[], json: Record<string, unknown>): unknown {
    const [section, id, third, fourth] = parts
    const list = <T>(items: T[]) => ({ items, next: null })
    switch (section) {
      case 'service': return { version: '0.1.0', started_at: at(-200), in_force_at: at(-26), short_number: '1580', calls: 12, trunks: 3, trunks_down: 1, operators: 4, operators_present: 2, prompts_recorded: 5, prompts_spoken: 811, recording: { state: 'able', cause: null, since: null, refuses_calls: false }, intake: { state: drained ? 'draining' : 'open', since: drained }, restart_needed: reloads ? ['http'] : [] } as unknown as ServiceState
      case 'trunks': return id ? (id === 'pbx' ? { items: [], left_out: 0 } : WIRE) : list(TRUNKS)
      case 'queues': return list(QUEUES)
      case 'notifications': return notifications(method, json)
      case 'dialplan': return id === 'simulate' ? simulate(json.inputs as string[], (json.language as string | undefined) ?? 'uk') : TREE
      case 'changes': return changes()
      case 'versions':
        if (!id) return list(versions)
        if (third === 'restore') {
          if (id === '1') throw new Refused(422, 'the configuration was refused', { diagnostics: ['dialplans/1580.toml:91:1: the prompt \'topics\' has no text in \'lt\''] })
          versions = [{ ...versions.find((one) => String(one.id) === id)!, id: 10, how: 'restored', at: new Date().toISOString(), in_force: true }, ...versions.map((one) => ({ ...one, in_force: one.file !== 'dialplan' && one.in_force }))]
          return undefined
        }
        return { ...versions.find((one) => String(one.id) === id), hunks }
      case 'prompts': {
        if (!id) return prompts()
        if (id === 'dictation') {
          const { prompt, language, stage } = studio
          if (!prompt) throw new Refused(404, 'there is no such dictation')
          if (stage === 'kept') recorded.set(`${language}/${prompt}`, 'recorded')
          return { prompt, language, stage, takes: stage === 'ringing' ? 0 : 1, longest_secs: 120 }
        }
        if (fourth === 'phone') {
          if (studio.prompt && studio.stage !== 'kept') throw new Refused(409, 'you are recording a prompt already', { type: 'urn:ringback:problem:dictating' })
          Object.assign(studio, { prompt: third, language: id, stage: 'ringing' })
          return undefined
        }
        const key = `${id}/${third}`
        if (fourth !== 'recording') throw new Refused(404, 'there is no such sound')
        if (method !== 'DELETE' && (json.length as number) < 44) throw new Refused(422, 'this is no WAV file of 8 or 16 bits, mono or stereo, 4 to 192 kHz', { type: 'urn:ringback:problem:prompt_unreadable' })
        recorded.set(key, method === 'DELETE' ? 'removed' : 'recorded')
        return method === 'DELETE' ? undefined : { duration_ms: 2400, sha256: 'ab'.repeat(32) }
      }
      case 'users': return users(method, id, third, json)
      case 'drain':
        drained = method === 'DELETE' ? null : new Date().toISOString()
        return undefined
      case 'reload':
        reloads += 1
        if (reloads === 1) return { restart_needed: ['sip.udp'] }
        throw new Refused(422, 'the configuration was refused', { diagnostics: ['city.toml:41:12: the category \'water.brust\' is not declared; did you mean \'water.burst\'?', 'dialplans/1580.toml:91:1: the prompt \'topics\' has no text in \'lt\''] })
      default: throw new Refused(404, 'no such thing')
    }
  }
  return { answer, studio }
}
