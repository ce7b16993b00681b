// The invented city of the mock server: plan, people, cases, calls. Times are relative to its start.
import type { AddressHit, Call, Case, CaseContext, City, Evidence, Ladder, LiveCall, LiveOperator, LiveQueue, LiveRecording, LiveTrunk, Part, Proof, Role, Rung, Site, Snapshot, TimelineItem, User, WorkOrder } from '../../src/lib/api/types.ts'

const HOUR = 3_600_000
export const START = Date.now()
export const at = (hours: number) => new Date(START + hours * HOUR).toISOString()

const user = (id: string, name: string, role: Role, more: Partial<User> = {}): User =>
  ({ id, name, role, organisation: null, languages: ['uk', 'en'], queues: [], extension: null, ...more })

/** The user name is the key; the password of all is `demo`. */
export const USERS: Record<string, User> = {
  operator: user('u-1', 'Олена Коваль', 'operator', { extension: '101', queues: ['city', 'emergency'], languages: ['uk', 'en', 'pl'] }),
  quiet: user('u-2', 'Ігор Бондар', 'operator', { extension: '102', queues: ['city'] }),
  supervisor: user('u-3', 'Тарас Шульга', 'supervisor', { extension: '301' }),
  /** Whose city cannot record. */
  alarmed: user('u-9', 'Галина Ткач', 'supervisor'),
  /** Of the city of `crowd`. */
  crowded: user('u-30', 'Софія Мазур', 'supervisor'),
  control: user('u-4', 'Марія Гнатюк', 'control'),
  executor: user('u-5', 'Андрій Мельник', 'executor', { organisation: 'vodokanal' }),
  mayor: user('u-6', 'Ірина Савчук', 'mayor_office'),
  auditor: user('u-7', 'Юрій Литвин', 'auditor'),
  records: user('u-10', 'Лідія Мороз', 'records'),
  admin: user('u-8', 'Наталя Дяченко', 'admin', { extension: '401' }),
}

export const DISK_FULL: LiveRecording = { state: 'impaired', cause: 'disk_full', since: new Date(Date.now() - 312_000).toISOString(), refuses_calls: true }

const name = (uk: string, en: string, lt: string, pl: string, ru: string, he: string) => ({ uk, en, lt, pl, ru, he })

export const CITY: City = {
  categories: [
    { id: 'water.burst', group: 'water', name: name('Прорив водопроводу', 'Burst water main', 'Trūkęs vandentiekis', 'Pęknięty wodociąg', 'Прорыв водопровода', 'פיצוץ בצינור מים') },
    { id: 'water.none', group: 'water', name: name('Немає води', 'No water', 'Nėra vandens', 'Brak wody', 'Нет воды', 'אין מים') },
    { id: 'water.sewer', group: 'water', name: name('Засмічена каналізація', 'Blocked sewer', 'Užsikimšusios nuotekos', 'Zatkana kanalizacja', 'Засор канализации', 'סתימה בביוב') },
    { id: 'heating.cold', group: 'heating', name: name('Холодні батареї', 'Cold radiators', 'Šalti radiatoriai', 'Zimne kaloryfery', 'Холодные батареи', 'רדיאטורים קרים') },
    { id: 'light.single', group: 'electricity', name: name('Не горить ліхтар', 'Street light out', 'Nedega žibintas', 'Nie świeci latarnia', 'Не горит фонарь', 'פנס רחוב כבוי') },
    { id: 'waste.missed', group: 'waste', name: name('Не вивезли сміття', 'Waste not collected', 'Neišvežtos atliekos', 'Nieodebrane odpady', 'Не вывезли мусор', 'אשפה שלא פונתה') },
    { id: 'roads.pothole', group: 'roads', name: name('Яма на дорозі', 'Pothole', 'Duobė kelyje', 'Dziura w jezdni', 'Яма на дороге', 'בור בכביש') },
    { id: 'housing.lift', group: 'housing', name: name('Не працює ліфт', 'Lift out of order', 'Neveikia liftas', 'Winda nie działa', 'Не работает лифт', 'מעלית מושבתת') },
  ],
  territories: [
    { id: 'center', name: name('Центр', 'Centre', 'Centras', 'Centrum', 'Центр', 'מרכז') },
    { id: 'north', name: name('Північний', 'North', 'Šiaurinis', 'Północ', 'Северный', 'צפון') },
    { id: 'south', name: name('Південний', 'South', 'Pietinis', 'Południe', 'Южный', 'דרום') },
    { id: 'riverside', name: name('Надрічний', 'Riverside', 'Paupys', 'Nadrzecze', 'Заречный', 'גדת הנהר') },
  ],
  organisations: [
    { id: 'vodokanal', name: 'Міськводоканал' }, { id: 'teplo', name: 'Міськтепло' }, { id: 'svitlo', name: 'Міськсвітло' },
    { id: 'chysto', name: 'Чисте місто' }, { id: 'shliakh', name: 'Шляхбуд' },
  ],
  privacy_classes: ['welfare', 'education', 'minors'],
  posts: [{ id: 'executor.head', name: 'Керівник організації-виконавця' }, { id: 'deputy_mayor.line', name: 'Заступник міського голови за напрямом' }],
  closing_codes: ['fixed_confirmed', 'fixed_inspected', 'fixed_unconfirmed', 'explained', 'refused_lawful', 'not_competent_forwarded', 'duplicate', 'withdrawn', 'unfounded', 'planned_programme'],
  telling_channels: ['voice', 'sms', 'mail', 'same_contact'],
}

export const EXECUTOR_OF: Record<string, string> = { water: 'vodokanal', heating: 'teplo', light: 'svitlo', waste: 'chysto', roads: 'shliakh' }
export const HOURS_OF: Record<string, number> = { 'water.burst': 24, 'water.none': 12, 'water.sewer': 24, 'heating.cold': 24, 'light.single': 24 * 14, 'waste.missed': 48, 'roads.pothole': 24 * 7 }

export const organisationName = (id: string | null) => CITY.organisations.find((item) => item.id === id)?.name ?? null
export const categoryName = (id: string) => CITY.categories.find((item) => item.id === id)?.name ?? id

export const SOUND_PROOF: Proof = { width: 4032, height: 3024, taken_at: at(-2.1), lat: 50.9, lon: 34.8, distance_m: 14, flags: [], look_alike: null }

const photo = (id: string, role: string, hours: number, proof: Partial<Proof> | null = {}): Evidence =>
  ({ id, role, content_type: 'image/png', length: 48_211, sha256: 'c0ffee'.repeat(10).slice(0, 60) + 'beef', received_at: at(hours), proof: proof && { ...SOUND_PROOF, taken_at: at(hours - 0.1), ...proof } })

/** Where the invented addresses are. */
const SITES: Record<string, [number, number]> = { 'вул. Паркова, 12': [50.91, 34.8], 'просп. Миру, 84, під’їзд 3': [50.93, 34.82], 'вул. Набережна, 5': [50.9, 34.79], 'вул. Зелена, 31': [50.88, 34.77] }
const site = (address: string): Site => ({ key: address, street: address, settlement: null, house: null, flat: null, in_register: true, lat: SITES[address]?.[0] ?? null, lon: SITES[address]?.[1] ?? null, holder: null })

function aCase(seq: number, category: string, territory: string, address: string, description: string, state: Case['state'], registered: number, due: number | null, more: Partial<Case> = {}): Case {
  const executor = state === 'registered' || state === 'explained' ? null : (EXECUTOR_OF[category.split('.')[0] ?? ''] ?? null)
  return {
    number: `2026-01-${String(seq).padStart(6, '0')}`, state, state_data: {}, registered_at: at(registered), category, category_name: categoryName(category),
    place: { address, territory, ...(SITES[address] ? { site: site(address) } : {}) }, description, language: 'uk', priority: 'normal',
    applicant: { identity: 'stated', number: `+38044${5_550_100 + seq}`, name: 'Ганна Петренко' },
    contacts: ['c-1'], cycle: 1, bounces: 0,
    deadline: due === null ? null : { norm: category.replace('.', '-'), first: at(due), resolve_by: at(due), accept_by: at(registered + 0.5) },
    told: [], next: { owner: executor ?? 'operator', action: 'work', by: at(due ?? 4) }, executor, executor_name: organisationName(executor), order: executor ? `w-${seq}` : null, evidence: [], ...more,
  }
}

const part = (executor: string, state: Part['state'], due: number | null, reason: string | null = null): Part =>
  ({ executor, executor_name: organisationName(executor) ?? executor, state, resolve_by: due === null ? null : at(due), reason })

export const CASES: Case[] = [
  aCase(418, 'water.burst', 'center', '', '', 'registered', -0.05, null, { applicant: { identity: 'caller_number', number: '+380445550118', name: null }, place: null, next: { owner: 'operator', action: 'classify', by: at(0.3) } }),
  aCase(417, 'water.burst', 'center', 'вул. Паркова, 12', 'З-під асфальту б’є вода, заливає тротуар і вхід до аптеки.', 'assigned', -0.6, 1.4, { priority: 'urgent' }),
  aCase(409, 'water.none', 'north', 'просп. Миру, 84, під’їзд 3', 'Немає холодної води з шостої ранку, у сусідніх будинках є.', 'in_progress', -9, 3, { evidence: [photo('e-1', 'before', -2)], parts: [part('chysto', 'reported', null), part('svitlo', 'accepted', 3), part('shliakh', 'declined', 3, 'Це не наша дорога: проїзд у дворі утримує ЖЕК.')], next: { owner: 'dispatcher', action: 'give the declined part to somebody', by: at(3) } }),
  aCase(402, 'water.sewer', 'riverside', 'вул. Набережна, 5', 'Запах у підвалі, вода стоїть біля сходів.', 'accepted', -30, -4, { bounces: 1 }),
  aCase(398, 'water.burst', 'south', 'вул. Зелена, 31', 'Прорив біля дитячого садка.', 'work_reported', -40, -1, { evidence: [photo('e-2', 'before', -12, { flags: ['too_far'], distance_m: 2350 }), photo('e-3', 'after', -2, { flags: ['too_old', 'look_alike'], taken_at: at(-49), look_alike: { case: '2026-01-000365', evidence: 'e-7', bits: 3, same_file: false } })], applicant: { identity: 'verified', number: '+380445550198', name: 'Степан Олійник' } }),
  aCase(391, 'light.single', 'north', 'вул. Лісова, навпроти буд. 7', 'Третій тиждень темно на переході.', 'assigned', -24 * 15, -30),
  aCase(388, 'heating.cold', 'center', 'вул. Театральна, 2, кв. 14', 'Radiators are cold in two rooms since Sunday.', 'verification', -70, 20, { language: 'en', evidence: [photo('e-4', 'before', -20), photo('e-5', 'after', -8)], told: [{ at: at(-3), language: 'en', channel: 'voice', delivered: false, confirmed: null, cycle: 1 }] }),
  aCase(377, 'waste.missed', 'south', 'вул. Садова, 18', 'Контейнери переповнені, вітер розносить пакети.', 'assigned', -50, -6, { cycle: 2 }),
  aCase(365, 'roads.pothole', 'riverside', 'Мостова площа', 'Яма на правій смузі, глибока.', 'closed', -24 * 9, -40, { state_data: { code: 'fixed_confirmed' }, reopen_until: at(24 * 28), told: [{ at: at(-44), language: 'uk', channel: 'voice', delivered: true, confirmed: true, cycle: 1 }], evidence: [photo('e-6', 'before', -100), photo('e-7', 'after', -50)], next: null }),
  aCase(360, 'housing.lift', 'north', 'вул. Озерна, 44', 'Запитала, куди звертатися щодо ліфта; роз’яснено.', 'explained', -20, null),
]

const hit = (street: string, house: string | null, territory: string, more: Partial<AddressHit> = {}): AddressHit =>
  ({ key: `${street}#1`, street, house, territory, former: null, by_former: false, settlement: null, flat: null, in_register: true, flat_unknown: false, holder_name: null, reading: 'as_typed', ...more })

/** What the register finds, by a word of what is typed. */
export function addresses(query: string): AddressHit[] {
  const typed = query.toLowerCase()
  const house = /\d+\S*/.exec(typed)?.[0] ?? null
  const flat = /кв\.? ?(\d+)/.exec(typed)?.[1] ?? null
  if (/парк|park|лен/.test(typed)) {
    const former = { former: 'вулиця Леніна', by_former: /лен/.test(typed) }
    return [
      hit('вулиця Паркова', house, 'center', { ...former, flat, in_register: house !== '99' }),
      ...(house ? [hit('вулиця Паркова', `${house}-А`, 'center', { ...former, flat, flat_unknown: flat === '400' })] : []),
      hit('провулок Парковий', house, 'north', { in_register: false, reading: 'similar' }),
    ]
  }
  if (/садов/.test(typed)) return ['с. Зелене', 'с. Лугове'].map((settlement, i) => hit('вулиця Садова', house, i ? 'south' : 'riverside', { settlement, key: `садова@${i}` }))
  return []
}

/** Known of the caller in hand and around the address, once there is one. */
export function context(cases: Case[], number: string): CaseContext {
  const by = (wanted: string) => cases.find((item) => item.number === wanted)!
  const site = by(number).place?.site
  return {
    known_name: 'Ганна Петренко',
    last_place: { address: 'вулиця Паркова, 14, кв. 7', territory: 'center', site: { key: 'вулиця Паркова#1', street: 'вулиця Паркова', settlement: null, house: '14', flat: '7', in_register: true, lat: 50.4, lon: 30.5, holder: null } },
    of_number: ['2026-01-000388', '2026-01-000365'].filter((other) => other !== number).map(by),
    nearby: [{ case: by('2026-01-000417'), how: site?.house === '12' ? 'same_house' : 'same_street', metres: site?.house === '12' ? 0 : 180 } as const, { case: by('2026-01-000402'), how: 'near', metres: 240 } as const].filter((item) => item.case.number !== number),
    near_last_place: !site,
  }
}

export function workOrder(item: Case): WorkOrder | null {
  if (!item.executor) return null
  const states: Record<string, string> = { assigned: 'issued', accepted: 'accepted', in_progress: 'started', work_reported: 'reported', verification: 'reported', closed: 'done' }
  return {
    id: `w-${item.number.slice(-3)}`, case: item.number, executor: item.executor, executor_name: item.executor_name, state: states[item.state] ?? 'issued', task: item.description,
    issued_at: item.registered_at, accept_by: item.deadline?.accept_by ?? null, resolve_by: item.deadline?.resolve_by ?? at(24), result: null, declined_reason: null,
    number: item.number, category: item.category, category_name: item.category_name, place: item.place, description: item.description, language: item.language, deadline: item.deadline, priority: item.priority, case_state: item.state,
    because: null, own_part: null, parts: item.category.startsWith('water.burst') ? [part('shliakh', 'asked', 24), part('misksvitlo', 'reported', null)] : [],
  }
}

/** Length of the invented recordings, seconds. */
export const RECORDING_SECS = 96

function aCall(id: string, caller: string, hours: number, more: Partial<Call> = {}): Call {
  return {
    id, caller, called: '1580', origin: 'loopback', language: 'uk', topic: 'water', ivr_path: ['greeting', 'language', 'hours', 'topics', 'water'], queue: 'city', operator: 'u-1', case: '2026-01-000417',
    offered_at: at(hours), answered_at: at(hours + 0.0003), queued_at: at(hours + 0.005), connected_at: at(hours + 0.009), ended_at: at(hours + 0.0003 + RECORDING_SECS / 3600), termination: 'caller_hung_up', disposition: 'case_created', callback: null,
    recordings: [{ id: `r-${id}`, state: 'sealed', started_at: at(hours + 0.0003), sample_rate: 8000, frames: RECORDING_SECS * 8000, duration_ms: RECORDING_SECS * 1000, gaps: [{ offset_ms: 61_240, duration_ms: 480, reason: 'ring_overflow' }], result: 'degraded', sha256: '9f2b6a0c41d7e8835c1b7a90f4e2d3c6b5a89788796a5b4c3d2e1f00112233aa' }], ...more,
  }
}

export const CALLS: Call[] = [
  aCall('c-1', '+380445550117', -0.6),
  aCall('c-2', '', -1.2, { topic: 'transport', disposition: 'consultation', case: null, recordings: [{ ...aCall('c-2', '', -1.2).recordings![0]!, gaps: [], result: 'ok' }] }),
  aCall('c-3', '+48221234567', -3, { language: 'pl', topic: 'heating', case: '2026-01-000388' }),
  aCall('c-4', '+380445550140', -5, { disposition: 'abandoned', connected_at: null, operator: null, case: '2026-01-000409', termination: 'caller_hung_up' }),
  aCall('c-5', '+972501234567', -26, { language: 'he', topic: 'other', disposition: 'nuisance', case: null, recordings: [] }),
]

let seq = 1000
export function event(type: string, hours: number, more: Partial<TimelineItem> = {}): TimelineItem {
  seq += 1
  return { seq, at: at(hours), type, actor: { kind: 'system', id: 'switchboard' }, data: {}, ...more }
}

export function callTimeline(call: Call): TimelineItem[] {
  const start = (Date.parse(String(call.answered_at)) - START) / HOUR
  const recording = call.recordings?.[0]?.id ?? null
  const rec = (type: string, secs: number, data: Record<string, unknown> = {}, kind = 'system'): TimelineItem =>
    event(type, start + secs / 3600, { recording, offset_ms: secs * 1000, data, actor: { kind, id: 'x' } })
  return [
    event('contact.offered', start - 0.0003, { data: { origin: 'loopback' } }), rec('contact.answered', 0), rec('rec.started', 0, {}), rec('ivr.entered', 0.4, { node: 'language' }), rec('ivr.digit', 6.2, { digit: '1' }, 'applicant'),
    rec('ivr.language_chosen', 6.3, { language: call.language }, 'applicant'), rec('ivr.digit', 12.8, { digit: '1' }, 'applicant'), rec('ivr.topic_chosen', 12.9, { topic: call.topic }, 'applicant'), rec('case.registered', 13, { category: 'water' }), rec('contact.queued', 17, { queue: 'city' }),
    rec('contact.connected', 31, {}, 'operator'), rec('case.classified', 52, { category: 'water.burst', address: 'вул. Паркова, 12' }, 'operator'), rec('rec.gap', 61.24, { duration_ms: 480 }), rec('wo.issued', 74, { executor: 'vodokanal' }, 'operator'), rec('contact.ended', RECORDING_SECS, { termination: 'caller_hung_up' }), event('rec.sealed', start + 0.03, { data: { result: 'degraded', frames: 768_000 } }), event('contact.disposed', start + 0.032, { data: { disposition: 'case_created' }, actor: { kind: 'operator', id: 'u-1' } }),
  ]
}

/** A call that a first operator did not take, as SIP tells it. */
export function ladder(call: Call): Ladder {
  const start = Date.parse(String(call.offered_at))
  const [citizen, city, first, second] = ['192.0.2.4:5060', '192.0.2.1:5060', '10.1.0.21:5060', '10.1.0.22:50412']
  const rows: [number, string, string, 'citizen' | 'operator', string, string][] = [
    [0, 'INVITE sip:1580@city.example SIP/2.0', 'received', 'citizen', 'INVITE', citizen!], [0.2, 'SIP/2.0 100 Trying', 'sent', 'citizen', 'INVITE', citizen!],
    [0.231, 'SIP/2.0 200 OK', 'sent', 'citizen', 'INVITE', citizen!], [0.262, 'ACK sip:ringback@192.0.2.1 SIP/2.0', 'received', 'citizen', 'ACK', citizen!],
    [17.004, 'INVITE sip:201@10.1.0.21 SIP/2.0', 'sent', 'operator', 'INVITE', first!], [17.031, 'SIP/2.0 180 Ringing', 'received', 'operator', 'INVITE', first!], [21.5, 'SIP/2.0 486 Busy Here', 'received', 'operator', 'INVITE', first!], [21.501, 'ACK sip:201@10.1.0.21 SIP/2.0', 'sent', 'operator', 'ACK', first!],
    [21.51, 'INVITE sip:202@10.1.0.22 SIP/2.0', 'sent', 'operator', 'INVITE', second!], [21.55, 'SIP/2.0 180 Ringing', 'received', 'operator', 'INVITE', second!], [31.002, 'SIP/2.0 200 OK', 'received', 'operator', 'INVITE', second!], [31.003, 'ACK sip:202@10.1.0.22 SIP/2.0', 'sent', 'operator', 'ACK', second!],
    [96.4, 'BYE sip:ringback@192.0.2.1 SIP/2.0', 'received', 'citizen', 'BYE', citizen!], [96.401, 'SIP/2.0 200 OK', 'sent', 'citizen', 'BYE', citizen!], [96.402, 'BYE sip:202@10.1.0.22 SIP/2.0', 'sent', 'operator', 'BYE', second!], [96.44, 'SIP/2.0 200 OK', 'received', 'operator', 'BYE', second!],
  ]
  const items = rows.map(([secs, firstLine, direction, party, method, peer], index): Rung => ({
    // Three messages were not kept while they talked.
    seq: index + 1 + (secs > 90 ? 3 : 0), at: new Date(start + secs * 1000).toISOString(), direction: direction as Rung['direction'], party,
    transport: party === 'citizen' ? 'UDP' : 'TLS', from: direction === 'sent' ? city! : peer, to: direction === 'sent' ? peer : city!, first_line: firstLine,
    text: `${firstLine}\r\nVia: SIP/2.0/UDP ${peer};branch=z9hG4bK${index}\r\nFrom: <sip:${call.caller}@provider.example>;tag=a1\r\nTo: <sip:1580@city.example>\r\nCall-ID: ${party}-1@city.example\r\nCSeq: 1 ${method}\r\nAuthorization: Digest username="202", realm="city", response=**********************************\r\nContent-Length: 0\r\n\r\n`,
  }))
  return { items, left_out: 3 }
}

export function caseTimeline(item: Case): TimelineItem[] {
  const start = (Date.parse(String(item.registered_at)) - START) / HOUR
  const items = [event('case.registered', start, { data: { category: item.category } })]
  const by = (kind: string) => ({ kind, id: 'x' })
  if (item.executor) items.push(event('case.routed', start + 0.02, { data: { executor: item.executor } }), event('norm.applied', start + 0.02, { data: { norm: item.deadline?.norm ?? '', resolve_by: item.deadline?.resolve_by ?? '' } }), event('wo.issued', start + 0.02, { actor: by('operator') }))
  if (item.bounces) items.push(event('wo.declined', start + 0.4, { actor: by('executor'), reason: 'Не наша мережа: труба належить будинку' }))
  if (!['registered', 'assigned', 'explained'].includes(item.state)) items.push(event('wo.accepted', start + 0.5, { actor: by('executor') }))
  for (const proof of item.evidence ?? []) items.push(event('evidence.received', (Date.parse(String(proof.received_at)) - START) / HOUR, { actor: by('executor'), data: { role: proof.role } }))
  if (item.state === 'work_reported') items.push(event('wo.reported', -1, { actor: by('executor'), data: { result: 'Замінено 2 м труби, асфальт відновлено' } }))
  if (item.state === 'closed') items.push(event('verify.confirmed', -44, { actor: by('control'), data: { channel: 'voice' } }), event('case.closed', -43.9, { actor: by('control'), data: { code: 'fixed_confirmed' } }))
  return items
}

const micros = (secondsAgo: number) => (START - secondsAgo * 1000) * 1000
const liveCall = (id: string, caller: string, phase: LiveCall['phase'], secondsAgo: number, more: Partial<LiveCall> = {}): LiveCall =>
  ({ id, caller, phase, since: micros(secondsAgo), answered_at: micros(secondsAgo + 20), language: 'uk', topic: 'water', ivr_path: ['greeting', 'language', 'hours', 'topics', 'water'], queue: 'city', position: null, operator: null, case: null, on_hold: false, waiting_since: more.position ? micros(secondsAgo) : null, ...more })

/** Nine callers wait in three queues; two of them ring at an operator, one for the second time. */
export const LIVE_CALLS: LiveCall[] = [
  liveCall('l-1', '+380445550118', 'ringing', 4, { operator: 'u-1', position: 1, waiting_since: micros(96), case: '2026-01-000418' }),
  liveCall('l-2', '+380445550121', 'waiting', 74, { position: 2, topic: 'heating' }),
  liveCall('l-3', '+48221234567', 'waiting', 31, { position: 3, language: 'pl', topic: 'transport' }),
  liveCall('l-4', '', 'ivr', 6, { language: null, topic: null, queue: null }),
  liveCall('l-5', '+972501234567', 'talking', 183, { operator: 'u-9', language: 'he', topic: 'waste', case: '2026-01-000377' }),
  liveCall('l-6', '', 'waiting', 19, { position: 4, topic: 'roads', language: 'ru' }),
  liveCall('l-7', '+37061234567', 'waiting', 8, { position: 5, language: 'lt', topic: 'housing' }),
  liveCall('l-8', '+380445550164', 'ringing', 18, { queue: 'emergency', position: 1, topic: 'emergency', operator: 'u-14', case: '2026-01-000419' }),
  liveCall('l-9', '+380445550172', 'waiting', 52, { queue: 'duty', position: 1, topic: 'electricity' }),
  liveCall('l-10', '+380445550176', 'waiting', 27, { queue: 'duty', position: 2, language: 'en', topic: 'other' }),
  liveCall('l-11', '+380445550179', 'waiting', 3, { queue: 'duty', position: 3, topic: 'water' }),
  liveCall('l-12', '+380445550135', 'talking', 641, { operator: 'u-17', topic: 'heating', case: '2026-01-000388' }),
  liveCall('l-13', '+380445550139', 'talking', 45, { operator: 'u-12', topic: 'water', on_hold: true }),
  liveCall('l-14', '+380445550141', 'wrap_up', 96, { operator: 'u-13', topic: 'roads', case: '2026-01-000365' }),
  liveCall('l-15', '+380445550142', 'wrap_up', 12, { operator: 'u-15', topic: 'waste' }),
  liveCall('l-16', '+380445550158', 'ivr', 22, { topic: null, queue: null }),
]
const operator = (id: string, name: string, extension: string, status: LiveOperator['status'], secondsAgo: number, more: Partial<LiveOperator> = {}): LiveOperator =>
  ({ id, name, extension, languages: ['uk', 'ru'], queues: ['city'], registered: status !== 'logged_out', status, since: micros(secondsAgo), ...more })
export const LIVE_OPERATORS: LiveOperator[] = [
  operator('u-1', 'Олена Коваль', '101', 'offered', 4, { languages: ['uk', 'en', 'pl'], queues: ['city', 'emergency'], contact: 'l-1' }),
  operator('u-2', 'Ігор Бондар', '102', 'not_ready', 820, { reason: 'lunch' }),
  operator('u-9', 'Давид Кац', '103', 'talking', 183, { languages: ['he', 'uk', 'en'], contact: 'l-5' }),
  operator('u-10', 'Рута Янкаускайте', '104', 'logged_out', 5000, { languages: ['lt', 'uk'] }),
  operator('u-11', 'Софія Ткаченко', '105', 'ready', 96, { languages: ['uk', 'pl'], queues: ['emergency'] }),
  operator('u-12', 'Павло Ґудзь', '106', 'talking', 45, { queues: ['city', 'duty'], contact: 'l-13' }),
  operator('u-13', 'Катерина Мороз', '107', 'wrap_up', 96, { queues: ['city', 'duty'], contact: 'l-14' }),
  operator('u-14', 'Łukasz Wiśniewski', '108', 'offered', 18, { languages: ['pl', 'uk'], queues: ['emergency'], contact: 'l-8' }),
  operator('u-15', 'Світлана Дорошенко', '109', 'wrap_up', 12, { contact: 'l-15' }),
  operator('u-16', 'Остап Чорний', '110', 'not_ready', 2140, { reason: 'training', queues: ['city', 'emergency'] }),
  operator('u-17', 'Надія Вовк', '111', 'talking', 641, { contact: 'l-12' }),
  operator('u-18', 'Тиміш Лисенко', '112', 'ready', 7, { queues: ['emergency'] }),
]
export const LIVE_QUEUES: LiveQueue[] = [
  { name: 'emergency', waiting: 1, longest_wait_secs: 18, operators_ready: 2, operators_talking: 0, expected_wait_secs: 0 },
  { name: 'city', waiting: 5, longest_wait_secs: 96, operators_ready: 0, operators_talking: 3, expected_wait_secs: 200, surge_since: micros(252) },
  { name: 'duty', waiting: 3, longest_wait_secs: 52, operators_ready: 0, operators_talking: 1, expected_wait_secs: null },
]
export const LIVE_TRUNKS: LiveTrunk[] = [
  { name: 'main', state: 'up', since: micros(86_400), registered: null, calls: 13 },
  { name: 'reserve', state: 'down', since: micros(412), registered: false, calls: 0 },
]

/** A large city on a bad day: 200 operators, 500 waiting callers. */
export function crowd(): Pick<Snapshot, 'calls' | 'operators' | 'queues' | 'trunks'> {
  const STATES = ['ready', 'talking', 'offered', 'wrap_up', 'not_ready', 'talking', 'talking', 'logged_out'] as const
  const LONGEST = { ready: 400, talking: 900, offered: 18, wrap_up: 75, not_ready: 1500, logged_out: 9000 }
  const queues = LIVE_QUEUES.map(({ name }, i) => ({ name, waiting: [20, 400, 80][i]!, longest_wait_secs: 300, operators_ready: 8, operators_talking: 25, expected_wait_secs: 240 }))
  const operators = Array.from({ length: 200 }, (_, i) => operator(`p-${i}`, `${['Олена', 'Ігор', 'Марта', 'Юрко'][i % 4]} ${['Коваль', 'Мельник', 'Ткач', 'Швець', 'Бойко'][i % 5]} ${i + 1}`, String(200 + i), STATES[i % 8]!, (i * 37) % LONGEST[STATES[i % 8]!], { queues: [queues[i % 3]!.name], contact: i % 8 === 1 ? `t-${i}` : undefined }))
  const calls = queues.flatMap(({ name, waiting }) => Array.from({ length: waiting }, (_, i) => liveCall(`w-${name}-${i}`, `+38067${String(1_000_000 + i)}`, 'waiting', Math.round(300 * (1 - i / waiting)), { queue: name, position: i + 1 })))
  return { calls, operators, queues, trunks: [] }
}
