// The HTTP contract answered from memory, for development and the page tests. Not a model of the service: it keeps
// just enough state that every button of the pages has a visible effect.
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import type { Case, LiveMessage, Moment, Supervision, User, Verification } from '../../src/lib/api/types.ts'
import { ADMIN_PAGES } from '../../src/lib/adminpages.ts'
import { QR, adminApi } from './admin.ts'
import * as city from './city.ts'
import { clocksOf, dress, raisedOf } from './clocks.ts'
import { disclosuresApi } from './disclosures.ts'
import { receptionsApi } from './receptions.ts'
import { auditsApi } from './audits.ts'
import { Listening } from './listening.ts'
import { recordsApi } from './records.ts'
import { reportsApi } from './reports.ts'
import { incidentsApi } from './incidents.ts'
import { Refused, ZONE, requestsApi } from './requests.ts'
import { sessionsApi } from './sessions.ts'
import { SILENCES, peaks, photo, recording } from './sound.ts'

const PAGES = ['/', '/desk', '/work', '/control', '/audit', '/board', '/reports', '/receptions', '/hearings', '/records', '/disclosures', '/engagements', '/signin.html', ...ADMIN_PAGES]
const CSP = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
/** As the service has them on pages: what works here works there. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-resource-policy': 'same-origin', 'origin-agent-cluster': '?1',
  'permissions-policy': 'camera=(), geolocation=(self), microphone=(self), speaker-selection=(self)', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff',
}
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }

class Refusal extends Error {
  constructor(readonly status: number, readonly detail: string, readonly more: object = {}) { super(detail) }
}

/** The type of a problem that the service has a name for. */
const problem = (name: string) => ({ type: `urn:ringback:problem:${name}` })

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray())

export function mockApi() {
  const cases = structuredClone(city.CASES)
  const photos = new Map<string, boolean>()
  const at = Date.now()
  /** Moments of the invented city are relative to its start; this service began later. */
  const asOfNow = <T extends { since: Moment }>(items: T[]): T[] => items.map((item) => ({ ...item, since: Number(item.since) + (at - city.START) * 1000 }))
  const live = { seq: 100, calls: asOfNow(city.LIVE_CALLS), operators: asOfNow(city.LIVE_OPERATORS), queues: structuredClone(city.LIVE_QUEUES), trunks: structuredClone(city.LIVE_TRUNKS) }
  const large = city.crowd()
  const crowd = { ...large, calls: asOfNow(large.calls), operators: asOfNow(large.operators) }
  const admin = adminApi()
  const requests = requestsApi()
  const officials = receptionsApi()
  const recordsOffice = recordsApi()
  const disclosures = disclosuresApi()
  const incidents = incidentsApi()
  const listening = new Listening()
  const audits = auditsApi()
  const sockets = new WebSocketServer({ noServer: true })
  let failures = 0
  const sessions = sessionsApi()
  /** Calls from the citizen's page: whether there are any, what refuses them, how far the one that is on has come. */
  const webCalls = { open: true, refusal: 0, progress: { phase: 'ivr', position: null as number | null, case: null as string | null } }
  /** By what one signs in beside a password. */
  const ways = { passwords: 'everybody', oidc: null as string | null }
  /** What was asked, for the tests. */
  const asked: { method: string, url: string, body: unknown }[] = []
  /** Whether anybody is reached at all, and how many answers to steps of the work get lost on their way back. */
  const radio = { signal: true, answersToLose: 0 }
  /** Steps and photos that were carried out, by their idempotency keys. */
  const done = new Map<string, unknown>()
  /** Parts of the executor in orders that others lead: the state by register number. */
  const ownParts = new Map<string, string>()

  const tell = (message: LiveMessage) => sockets.clients.forEach((client) => { if (client.readyState === WebSocket.OPEN) client.send(JSON.stringify(message)) })
  const changed = () => { live.seq += 1; tell({ type: 'delta', seq: live.seq, calls: live.calls, operators: live.operators, queues: live.queues, trunks: live.trunks }) }
  const who = (request: IncomingMessage): User | null => city.USERS[/ringback_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''] ?? null
  const page = <T>(items: T[]) => ({ items, next: null })

  function found(number: string): Case {
    const item = cases.find((item) => item.number === number)
    if (!item) throw new Refusal(404, `there is no case ${number}`)
    return item
  }

  /** What the executor may do who looks at an order. */
  let masked: Record<string, unknown> & { left_today: number } = { may_call: true, why_not: null, left_today: 3, own_phone_ends: '67', last: null }

  function deadline(category: string, territory: string) {
    const executor = city.EXECUTOR_OF[category.split('.')[0] ?? '']
    if (!executor) throw new Refusal(422, `no executor is responsible for '${category}' in '${territory}' at this time; a dispatcher must decide`)
    return { executor, executor_name: city.organisationName(executor)!, resolve_by: city.at(city.HOURS_OF[category] ?? 24), norm: category.replace('.', '-'), because: { category, territory: territory || null, holder: executor, holder_name: city.organisationName(executor)!, hours: 'crews', in_words: category }, co_executors: category === 'water.burst' ? [{ id: 'shliakh', name: city.organisationName('shliakh')! }] : [] }
  }

  function received(item: Case, form: Buffer) {
    const role = /name="role"\r\n\r\n(\w+)/.exec(form.toString('latin1'))?.[1] ?? 'other'
    const proof = { id: `e-${Date.now()}-${photos.size}`, role, content_type: 'image/png', length: form.length, sha256: 'ab'.repeat(32), received_at: new Date().toISOString(), proof: { ...city.SOUND_PROOF, flags: ['no_place' as const] } }
    photos.set(proof.id, role === 'after')
    item.evidence = [...(item.evidence ?? []), proof]
    return { id: proof.id, sha256: proof.sha256 }
  }

  function act(item: Case, action: string, body: Record<string, unknown>) {
    const to = (state: Case['state']) => { item.state = state }
    switch (action) {
      case 'assign': {
        const promise = deadline(item.category, item.place?.territory ?? '')
        Object.assign(item, { executor: promise.executor, executor_name: promise.executor_name, deadline: { norm: promise.norm, first: promise.resolve_by, resolve_by: promise.resolve_by, accept_by: city.at(0.5) } })
        return to('assigned')
      }
      case 'part-accept': return void ownParts.set(item.number, 'accepted')
      case 'part-report': return void ownParts.set(item.number, 'reported')
      case 'part-decline': return void ownParts.set(item.number, 'declined')
      case 'accept': return to('accepted')
      case 'start': return to('in_progress')
      case 'decline': item.bounces += 1; item.executor = null; return to('registered')
      case 'report':
        if (!item.evidence?.some((proof) => proof.role === 'after')) throw new Refusal(409, 'this category demands a photo after the work')
        return to('work_reported')
      case 'evidence-accept': return to('verification')
      case 'evidence-reject': case 'return': return to('in_progress')
      case 'tell':
        item.told = [...(item.told ?? []), { at: city.at(0), language: item.language, channel: String(body.channel), delivered: body.delivered === true, confirmed: (body.confirmed as boolean | undefined) ?? null }]
        return body.confirmed === false ? to('in_progress') : undefined
      case 'explain': return to('explained')
      case 'hold':
        item.clocks!.pauses.push({ reason: 'awaiting_third_party', from: city.at(0), until: `${String(body.until)}T00:00:00Z` })
        to('on_hold')
        return void (item.clocks = { ...clocksOf(item), pauses: item.clocks!.pauses })
      case 'resume':
        to('in_progress')
        return void (item.clocks = { ...clocksOf(item), pauses: item.clocks!.pauses })
      case 'ask': return void (item.clocks!.asked = { wish: body.wish as 'pause', reason: null, until: String(body.until), why: String(body.why), asked_at: city.at(0) })
      case 'ask-approve':
        item.clocks!.extensions.push({ clock: 'executor', at: city.at(0), from: item.deadline!.resolve_by, to: `${item.clocks!.asked!.until}T15:00:00Z` })
        item.deadline!.resolve_by = `${item.clocks!.asked!.until}T15:00:00Z`
        return void (item.clocks = { ...clocksOf(item), extensions: item.clocks!.extensions, moved: 1 })
      case 'ask-refuse': return void (item.clocks!.asked = null)
      case 'close':
        if (!item.told?.some((told) => told.delivered)) throw new Refusal(409, 'the applicant was not told the result yet')
        item.state_data = { code: body.code }
        item.reopen_until = city.at(24 * 30)
        return to('closed')
      case 'forward': item.state_data = { to: body.to, answered_at: null }; return to('forwarded')
      case 'forward-answer':
        if (body.taken_over !== true) return to('registered')
        item.state_data = { ...item.state_data, answered_at: city.at(0) }
        return undefined
      case 'refuse': item.state_data = { code: body.code }; return to('explained')
      case 'withdraw': item.state_data = { code: 'withdrawn' }; return to('closed')
      case 'merge': {
        const into = found(String(body.into))
        if (into.state === 'closed') throw new Refusal(409, 'the other case is closed: reopen it, or link this one as its repeat')
        item.relations = [...(item.relations ?? []), { kind: 'duplicate_of', other: into.number }]
        into.joined = [...(into.joined ?? []), { from: item.number, applicant: { number: item.applicant?.number ?? null, name: null }, language: item.language, told: false }]
        item.state_data = { code: 'duplicate' }
        return to('closed')
      }
      case 'relations': item.relations = [...(item.relations ?? []), { kind: 'repeat_of', other: String(body.other) }]; return undefined
      case 'inspection': {
        const passed = body.passed === true
        item.inspections = [...(item.inspections ?? []), { at: city.at(0), cycle: item.cycle, passed }]
        if (passed) return undefined
        item.level = (item.level ?? 0) + 1
        return to(item.state === 'closed' ? 'assigned' : 'in_progress')
      }
      case 'executor': item.executor = String(body.executor); item.executor_name = city.organisationName(item.executor); return to('assigned')
      case 'part-give': {
        const [from, to] = [String(body.from), body.to as string | undefined]
        if (item.parts?.some((part) => part.executor === to)) throw new Refusal(409, 'this organisation has a part of the work already')
        item.parts = (item.parts ?? []).filter((part) => part.executor !== from)
        if (to) item.parts.push({ executor: to, executor_name: city.organisationName(to) ?? to, state: 'asked', resolve_by: item.deadline?.resolve_by ?? null, reason: null })
        return undefined
      }
      case 'reopen': item.cycle += 1; item.level = (item.level ?? 0) + 1; return to('assigned')
      default: throw new Refusal(404, action)
    }
  }

  /** What a supervisor does about an operator, or to all of them. The pages that are open are those of the test. */
  function supervise(me: User, operator: string | null, action: string | undefined, json: { status?: 'ready' | 'not_ready', reason?: string, text?: string, queues?: string[], skills?: Record<string, number> }) {
    if (me.role !== 'supervisor') throw new Refusal(403, 'this is the supervisor\u2019s')
    const own = live.operators.find((known) => known.id === operator)
    if (action === 'status' && own) {
      if (!own.registered) throw new Refusal(409, 'the phone of this operator is not registered', problem('phone_offline'))
      if (own.status !== 'talking') Object.assign(own, { status: json.status, reason: json.reason, contact: undefined, since: Date.now() * 1000 })
      changed()
      return undefined
    }
    if (action === 'queues' && own && json.queues) {
      const { queues, skills } = json
      const deserted = own.queues.find((queue) => !queues.includes(queue) && !live.operators.some((other) => other !== own && other.queues.includes(queue)))
      if (deserted) throw new Refusal(409, `nobody else serves the queue '${deserted}'`, problem('queue_deserted'))
      Object.assign(own, { queues, skills })
      changed()
      tell({ type: 'said', message: { from: me.name, text: json.reason ?? '', to_all: false, queues, at: Date.now() * 1000 } })
      return undefined
    }
    if (own?.status === 'logged_out') throw new Refusal(409, 'no page of this operator is open', problem('page_closed'))
    tell({ type: 'said', message: { from: me.name, text: json.text ?? '', to_all: operator === null, at: Date.now() * 1000 } })
    return { operators: own ? 1 : live.operators.filter((known) => known.status !== 'logged_out').length }
  }

  /** The supervisor's phone rings until the test says that it was answered (`present`). */
  function enterTalk(me: User, id: string, how: Supervision | null) {
    const call = live.calls.find((known) => known.id === id)
    if (call?.phase !== 'talking') throw new Refusal(how ? 409 : 404, 'nobody talks with the citizen now', how ? problem('no_talk') : {})
    if (how && !me.extension) throw new Refusal(409, 'no phone of yours is registered here', problem('no_phone'))
    const known = call.supervisors?.find((supervisor) => supervisor.id === me.id)
    if (how && !known && (call.supervisors?.length ?? 0) >= 2) throw new Refusal(409, '2 supervisors are in this talk already', problem('talk_full'))
    for (const other of live.calls) other.supervisors = other.supervisors?.filter((supervisor) => supervisor.id !== me.id)
    if (how === 'take_over' && known?.present) {
      const operator = live.operators.find((operator) => operator.contact === id)
      Object.assign(call, { operator: me.id })
      if (operator) Object.assign(operator, { status: 'wrap_up', since: Date.now() * 1000 })
    } else if (how) call.supervisors = [...(call.supervisors ?? []), { id: me.id, how, present: known?.present ?? false }]
    changed()
    return undefined
  }

  const verification: Verification = {
    case: '2026-01-000388', since: city.at(-6), next_attempt: city.at(20), over: null, attempts_allowed: 3,
    attempts: [
      { call: 'c-7', at: city.at(-5), outcome: 'busy', recording: null, offset_ms: null },
      { call: 'c-8', at: city.at(-3), outcome: 'machine', recording: 'r-8', offset_ms: 21_400 },
    ],
    messages: [{ channel: 'sms', state: 'failed', failure: 'undelivered', at: city.at(-2) }, { channel: 'mail', state: 'sent', failure: null, at: city.at(-1) }], answer_by: city.at(70),
  }

  const refused = [{ call: 'c-31', number: '***********67', at: city.at(-50) }]

  async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<unknown> {
    const [path, method] = [decodeURIComponent(url.pathname.slice('/api/v1'.length)), request.method ?? 'GET']
    const raw = method === 'GET' ? Buffer.alloc(0) : await bodyOf(request)
    const json = request.headers['content-type'] === 'application/json' ? JSON.parse(raw.toString() || '{}') : {}
    asked.push({ method, url: url.pathname + url.search, body: json })
    if (method !== 'GET' && request.headers['x-ringback'] !== '1') throw new Refusal(403, 'the header X-Ringback is missing')
    const me = who(request)

    if (path === '/session') {
      if (method === 'POST') {
        const user = city.USERS[json.user]
        if (user && json.password === 'demo' && json.user === 'records' && json.code !== '123456') {
          throw new Refusal(401, 'a code is wanted', problem(json.code ? 'second_factor_wrong' : 'second_factor'))
        }
        if (!user || json.password !== 'demo') {
          failures += 1
          if (failures > 3) throw new Refusal(429, 'too many failures', { retry: 90 })
          throw new Refusal(401, 'unknown user or wrong password')
        }
        failures = 0
        response.setHeader('set-cookie', `ringback_session=${json.user}; HttpOnly; SameSite=Strict; Path=/`)
        return { user }
      }
      if (method === 'DELETE') { response.setHeader('set-cookie', 'ringback_session=; Path=/; Max-Age=0'); return undefined }
      if (!me) throw new Refusal(401, 'sign in first')
      return { user: me }
    }
    if (path === '/session/ways') return ways
    if (path.startsWith('/second-factor')) {
      if (!me) throw new Refusal(401, 'sign in first')
      if (method === 'GET') return { set: false, required: false, recovery_left: 0 }
      if (path.endsWith('/confirm')) {
        if (json.code !== '123456') throw new Refusal(422, 'the code is wrong', problem('wrong_code'))
        return { recovery_codes: Array.from({ length: 10 }, (_, n) => `0${n}3f-9a1c-77de-4b20-8e5${n}-c0ff-ee11-2a4b`) }
      }
      return { secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', uri: 'otpauth://totp/Ringback:demo', qr: QR }
    }
    if (path === '/sessions' || path.startsWith('/sessions/')) {
      if (!me) throw new Refusal(401, 'sign in first')
      return sessions(method, path.split('/')[2])
    }
    if (path === '/web-calls') {
      if (method === 'GET') return { open: webCalls.open, number: '1580', languages: ['uk', 'en', 'lt', 'pl', 'ru', 'he'], longest_call_secs: 3600 }
      if (webCalls.refusal) throw new Refusal(webCalls.refusal, 'no', { retry: 60 })
      return { user: 'web-guest', realm: 'ringback', ha1: '5ebe2294ecd0e0f08eab7690d2a6ee69', socket: '/sip', number: '1580' }
    }
    if (path === '/web-calls/web-guest') return webCalls.progress
    if (path === '/citizen/receptions') return { open: true, time_zone: ZONE, items: officials.receptions() }
    if (path === '/citizen/appointments') {
      if (officials.taken.has(json.starts_at)) throw new Refusal(409, 'an appointment at this time already exists')
      officials.taken.add(json.starts_at)
      Object.assign(requests.page, { appointment: officials.own() })
      return { number: officials.number, code: 'K7QM-3XPA' }
    }
    if (path === '/citizen/incidents') return { ...page(incidents.known()), time_zone: ZONE }
    if (path.startsWith('/citizen/')) {
      try {
        const body = requests.answer(path.split('/')[2], json, raw, url.searchParams)
        if (!Buffer.isBuffer(body)) return body
        response.setHeader('content-type', 'image/png').end(body)
        return response
      } catch (error) {
        if (error instanceof Refused) throw new Refusal(error.status, error.detail)
        throw error
      }
    }
    if (!me) throw new Refusal(401, 'sign in first')

    const [, kind, id, action, sub] = path.split('/')
    if (kind === 'verifications') {
      if (method === 'POST') {
        if (action === 'ring') verification.attempts.push({ call: 'c-9', at: city.at(0), outcome: null, recording: null, offset_ms: null })
        else verification.over = 'given_up'
        return null
      }
      return page(cases.some((item) => item.number === verification.case && item.state === 'verification') ? [verification] : [])
    }
    if (kind === 'reports') return reportsApi(path, url.searchParams)
    if (kind === 'refused-calls') {
      if (method === 'POST') { refused.splice(refused.findIndex((one) => one.call === id), 1); return undefined }
      return page(refused.filter((one) => one.number.includes(url.searchParams.get('number') ?? '')))
    }
    if (kind === 'addresses') return { items: city.addresses(url.searchParams.get('q') ?? ''), register: true }
    if (kind === 'city') return id === 'preview' ? deadline(url.searchParams.get('category') ?? '', url.searchParams.get('territory') ?? '') : city.CITY
    if (kind === 'queues') return page(me === city.USERS.crowded ? crowd.queues : live.queues)
    if (kind === 'operators') {
      if (me.extension && action === 'phone') return { extension: me.extension, realm: 'ringback', ha1: '5ebe2294ecd0e0f08eab7690d2a6ee69', socket: '/sip' }
      if ((method === 'POST' || method === 'PUT') && id !== 'me') return supervise(me, id === 'messages' ? null : id!, action, json)
      const own = live.operators.find((operator) => operator.id === me.id)
      if (own && action === 'status') Object.assign(own, { status: json.status, reason: json.reason, contact: undefined, since: Date.now() * 1000 })
      if (own && action === 'wrap-up-more') own.wrap_up_ends_at = Number(own.wrap_up_ends_at) + 60_000_000
      if (own && action === 'wrap-up-done') { Object.assign(own, { status: 'ready', contact: undefined, since: Date.now() * 1000, wrap_up_ends_at: null }); live.calls = live.calls.filter((call) => call.operator !== me.id); tell({ type: 'delta', seq: live.seq, operators: [own], calls_gone: ['l-1'] }) }
      if (method === 'POST') changed()
      return method === 'POST' ? undefined : page(live.operators)
    }
    if (kind === 'admin') {
      if (path.endsWith('/sound')) return sound(request, response)
      try {
        return admin.answer(method, path.split('/').slice(2), request.headers['content-type'] === 'audio/wav' ? { length: raw.length } : json)
      } catch (error) {
        const { status, message, more } = error as Error & { status?: number, more?: object }
        if (status === undefined) throw error
        throw new Refusal(status, message, more)
      }
    }
    if (kind === 'incidents') return url.searchParams.get('open') ? page(incidents.open()) : incidents.answer(method, id, action, json)
    if (kind === 'inspections') return page(cases.filter((item) => item.state === 'closed' && !item.inspections).map((item) => ({ case: item, cycle: item.cycle, entry: 7, drawn_at: city.at(-2), inspected_at: null, passed: null })))
    if (kind === 'work-orders' && action === 'call') {
      if (method === 'POST') masked = { ...masked, left_today: masked.left_today - 1, last: { call: 'c-9', at: city.at(0), state: 'talking' } }
      return method === 'POST' ? { call: 'c-9' } : masked
    }
    if (kind === 'work-orders') {
      const mine = (item: Case) => me.role !== 'executor' || item.executor === me.organisation || ownParts.has(item.number)
      const dressed = (order: NonNullable<ReturnType<typeof city.workOrder>>) => {
        const state = ownParts.get(order.number)
        const own = state && { executor: me.organisation!, executor_name: city.organisationName(me.organisation!) ?? me.organisation!, state }
        return own ? { ...order, own_part: state, parts: [own, ...order.parts!] } : order
      }
      return page(cases.filter(mine).map(city.workOrder).filter((order) => order !== null).map(dressed))
    }
    if (['holds', 'erasures', 'retention'].includes(kind ?? '') || action === 'keeping') {
      const answer = recordsOffice.answer(method ?? 'GET', kind ?? '', id, action, url.searchParams.get('state'), json)
      if (answer === null) throw new Refusal(409, 'a legal hold stands on it: nothing of it is destroyed until it is lifted', problem('held'))
      return answer
    }
    if (kind === 'calls') {
      if (!id) return page(city.CALLS.filter((call) => (!url.searchParams.get('caller') || call.caller.includes(url.searchParams.get('caller')!)) && (!url.searchParams.get('case') || call.case === url.searchParams.get('case')) && (!url.searchParams.get('disposition') || call.disposition === url.searchParams.get('disposition')) && (!url.searchParams.get('words') || call.topic === 'heating')))
      if (action === 'supervision') return enterTalk(me, id, method === 'POST' ? json.how : null)
      if (action === 'hangup' && me.role === 'supervisor') { live.calls = live.calls.filter((call) => call.id !== id); tell({ type: 'delta', seq: ++live.seq, calls_gone: [id] }); return undefined }
      if (action === 'hangup' || action === 'disposition') {
        const call = live.calls.find((call) => call.id === id)
        const own = live.operators.find((operator) => operator.id === me.id)
        if (action === 'hangup' && call && own) { Object.assign(call, { phase: 'wrap_up', since: Date.now() * 1000 }); Object.assign(own, { status: 'wrap_up', since: Date.now() * 1000, wrap_up_ends_at: (Date.now() + 30_000) * 1000 }); changed() }
        return undefined
      }
      if (action === 'case') {
        Object.assign(live.calls.find((call) => call.id === id)!, { case: json.case })
        changed()
        return undefined
      }
      const call = city.CALLS.find((call) => call.id === id)
      if (!call) throw new Refusal(404, 'there is no such call')
      if (action === 'timeline') return page([...city.callTimeline(call), ...listening.played.filter((item) => item.contact === id)])
      if (action === 'peaks') return { sample_rate: 8000, frames: city.RECORDING_SECS * 8000, data_offset: 44, silences: SILENCES, channels: peaks(Number(url.searchParams.get('bins') ?? 800)) }
      if (action === 'ladder') return city.ladder(call)
      if (action === 'findings') return method === 'POST' ? listening.notes(me, call, json) : page(listening.findingsOf(id))
      if (action === 'recording') {
        if (audits.state.over) throw new Refusal(403, 'your audit engagement ended', problem('engagement_over'))
        const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
        listening.plays(me, call, Number(first ?? 0), Number(last || recording().length - 1), url.searchParams.get('reason'))
        return sound(request, response)
      }
      return call
    }
    if (kind === 'escalations') {
      dress(cases)
      if (method === 'GET') return page(raisedOf(cases, me.role))
      const one = found(id ?? '').clocks?.escalations.find((one) => one.number === Number(action))
      if (!one || one.answer) throw new Refusal(409, 'this escalation is answered already')
      one.answer = { answered_at: city.at(0), post: one.to[0]!, text: String(json.text) }
      return undefined
    }
    if (kind === 'receptions') return id ? { ...officials.mayor, date: url.searchParams.get('date') ?? '', items: officials.visits } : { items: officials.receptions() }
    if (kind === 'disclosures' || (kind === 'cases' && action === 'disclosures')) return disclosures.answer(method, kind === 'cases' ? { number: id ?? '', ...json } : null, id ?? '', action ?? '', me)
    if (kind === 'audit') {
      const answer = audits.answer(me, method, path, json, listening)
      if ('refused' in answer) throw new Refusal(answer.status, answer.refused, problem(answer.refused))
      return answer.body
    }
    if (kind === 'hearings') {
      if (method === 'POST') officials.hearings.length = 0
      return page(officials.hearings)
    }
    if (kind === 'cases' && action?.startsWith('appointment-')) {
      const visit = officials.visits.find((one) => one.number === id)
      if (visit) visit.state = action === 'appointment-held' ? 'held' : 'no_show'
      return {}
    }
    if (kind === 'cases' && action === 'instructions') return { number: '2026-01-000450' }
    if (kind === 'cases') {
      dress(cases)
      if (!id) {
        const query = url.searchParams
        const late = (item: Case) => item.deadline !== null && !['closed', 'explained'].includes(item.state) && Date.parse(String(item.deadline.resolve_by)) < Date.now()
        return page(cases.filter((item) => (!query.get('state') || item.state === query.get('state')) && (!query.get('executor') || item.executor === query.get('executor')) && (!query.get('overdue') || late(item)) && (!query.get('caller') || ['2026-01-000418', '2026-01-000365', '2026-01-000388'].includes(item.number))))
      }
      const item = found(id)
      if (action === 'filing') return officials.filing(item.number)
      if (action === 'code') return { code: 'K7QM-3XPA' }
      if (action === 'appointment') return item
      if (action === 'attachments') { response.setHeader('content-type', 'image/png').end(photo(true)); return response }
      if (action === 'incident') { item.incident = Number(json.incident); return item }
      if (action === 'context') return { ...city.context(cases, item.number), incidents: incidents.open().map((one, at) => ({ ...one, nearness: at === 0 ? 'district' : null })) }
      if (action === 'timeline') return page(city.caseTimeline(item))
      if (action === 'evidence' && sub) {
        const proof = item.evidence?.find((proof) => proof.id === sub)
        response.setHeader('content-type', 'image/png')
        response.end(photo(photos.get(sub) ?? proof?.role === 'after'))
        return response
      }
      const key = String(request.headers['idempotency-key'] ?? '')
      if (me.role === 'executor' && method === 'POST') {
        const lost = () => { if (radio.answersToLose > 0) { radio.answersToLose -= 1; request.socket.destroy() } }
        if (done.has(key)) { lost(); return done.get(key) }
        if (item.executor !== me.organisation && !ownParts.has(item.number)) throw new Refusal(403, 'this case is not with your organisation')
        const outcome = action === 'evidence' ? received(item, raw) : (act(item, action!, json), item)
        if (key) done.set(key, outcome)
        lost()
        return outcome
      }
      if (method === 'PATCH') {
        if (json.category) Object.assign(item, { category: json.category, category_name: city.categoryName(json.category) })
        const none = { key: '', street: json.address ?? item.place?.address ?? '', settlement: null, house: null, flat: null, in_register: false, lat: null, lon: null, holder: null }
        if ('address' in json || 'territory' in json) item.place = { address: json.address ?? item.place?.address ?? '', territory: json.territory ?? item.place?.territory ?? null, site: 'address' in json ? none : item.place?.site }
        if (json.site) {
          const street = json.site.key.split('#')[0]
          const known = !json.site.house || json.site.house !== '99'
          item.place = { address: [street, json.site.house, json.site.flat && `кв. ${json.site.flat}`].filter(Boolean).join(', '), territory: 'center', site: { ...none, ...json.site, street, in_register: known, holder: known && json.site.house ? 'vodokanal' : null } }
        }
        if ('flat' in json) item.place = { address: item.place?.address ?? '', territory: item.place?.territory ?? null, site: { ...(item.place?.site ?? none), flat: json.flat || null } }
        if (json.priority) item.priority = json.priority
        if ('description' in json) item.description = json.description
        if ('applicant_name' in json && item.applicant) item.applicant.name = json.applicant_name
        return item
      }
      if (action) { act(item, action, json); return item }
      if (me.role === 'executor') return { ...item, applicant: null }
      return item
    }
    throw new Refusal(404, 'no such thing')
  }

  function sound(request: IncomingMessage, response: ServerResponse): ServerResponse {
    const bytes = recording()
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
    const from = Number(range?.[1] ?? 0)
    const to = range?.[2] ? Number(range[2]) : bytes.length - 1
    response.writeHead(range ? 206 : 200, { 'content-type': 'audio/wav', 'accept-ranges': 'bytes', 'content-length': to - from + 1, ...(range ? { 'content-range': `bytes ${from}-${to}/${bytes.length}` } : {}) })
    response.end(bytes.subarray(from, to + 1))
    return response
  }

  /** True when the request was for the API. */
  function handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? '/', 'http://mock')
    if (url.pathname === '/readyz') { response.end('ready'); return true }
    if (!url.pathname.startsWith('/api/')) return false
    if (!radio.signal) { request.socket.destroy(); return true }
    answer(request, response, url).then(
      (body) => {
        if (body === response) return
        if (body === undefined) response.writeHead(204).end()
        else response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
      },
      (error: unknown) => {
        const refusal = error instanceof Refusal ? error : new Refusal(500, String(error))
        const { retry, ...more } = refusal.more as { retry?: number }
        if (retry) response.setHeader('retry-after', retry)
        response.writeHead(refusal.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ type: 'about:blank', title: '', status: refusal.status, detail: refusal.detail, ...more }))
      },
    )
    return true
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    const watcher = who(request)
    if (!watcher) { socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'); return }
    const trouble = watcher === city.USERS.alarmed ? city.DISK_FULL : undefined
    sockets.handleUpgrade(request, socket, head, (client) => {
      asked.push({ method: 'WS', url: request.url ?? '', body: null })
      client.send(JSON.stringify({ type: 'snapshot', seq: live.seq, snapshot: { ...live, ...(watcher === city.USERS.crowded ? crowd : {}), at: new Date(at).toISOString(), recording: trouble, ...(watcher === city.USERS.alarmed ? { intake: { state: 'draining', since: city.at(-0.2) } } : {}) } }))
    })
  }

  return { studio: admin.studio, handle, upgrade, asked, audits, listening, radio, done, ownParts, cases, live, crowd, ways, webCalls, requests, officials, disclosures, incidents, changed, tell, drop: () => sockets.clients.forEach((client) => client.terminate()) }
}

/** The built pages and the mock API on one loopback port, with the service's security headers. */
export async function startMock(dist: string): Promise<{ server: Server, url: string, api: ReturnType<typeof mockApi> }> {
  const api = mockApi()
  const server = createServer((request, response) => {
    if (!api.radio.signal) { request.socket.destroy(); return }
    response.setHeader('content-security-policy', CSP)
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    if (api.handle(request, response)) return
    const path = new URL(request.url ?? '/', 'http://mock').pathname
    const file = join(dist, PAGES.includes(path) ? 'index.html' : path)
    if (path.includes('..') || !existsSync(file)) { response.writeHead(404).end(); return }
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(readFileSync(file))
  })
  server.on('upgrade', (request, socket, head) => api.upgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, api, url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` }
}
