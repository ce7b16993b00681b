// Engagements and samples on the mock server: one that runs, one that is over, a sample that is drawn and one that waits.
import type { Engagement, Outcome, Sample, User } from '../../src/lib/api/types.ts'
import type { Listening } from './listening.ts'

const HOUR = 3_600_000
const at = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString()

export function auditsApi() {
  const engagements: Engagement[] = [
    { id: 'g-1', auditor: 'u-7', auditor_name: 'Юрій Литвин', from: at(-48), until: at(240), scope: { categories: [], queues: [], calls_from: null, calls_until: null }, purpose: 'Річна перевірка звернень щодо води, наказ 17', opened_at: at(-50), standing: 'running', closed_at: null, closing: null },
    { id: 'g-0', auditor: 'u-7', auditor_name: 'Юрій Литвин', from: at(-9000), until: at(-8000), scope: { categories: ['water.none'], queues: ['emergency'], calls_from: at(-9000), calls_until: null }, purpose: 'Перевірка аварійної лінії', opened_at: at(-9010), standing: 'over', closed_at: at(-8100), closing: 'Звіт здано' },
  ]
  const calls = ['c-1', 'c-2', 'c-3']
  const common = { engagement: 'g-1', calls_from: at(-800), calls_until: at(-56), frame_size: 4812, frame_sha256: '9f'.repeat(32), strata: 'queue' as const, source: 'Лотерея «Супер», тираж 2710', judged: 0 }
  const samples: Sample[] = [
    { ...common, id: 's-1', entry: 90_412, committed_at: at(-40), size: 3, public_at: at(-20), drawn: { at: at(-19), checkpoint: 90_431, root: 'c4'.repeat(32), value: '4 8 15 16 23 42', seed: 'e1'.repeat(32) }, items: calls.map((call, i) => ({ place: i + 1, call, stratum: i === 1 ? 'emergency' : 'city', heard: false, outcome: null, judged_at: null, findings: [] })) },
    { ...common, id: 's-2', entry: 91_007, committed_at: at(-2), size: 60, public_at: at(20), drawn: null, items: [] },
  ]
  /** Whether the engagement that runs has just ended. */
  const state = { over: false }

  function answer(me: User, method: string, path: string, body: Record<string, unknown>, listening: Listening): { body: unknown } | { refused: string, status: number } {
    const [, , kind, id, action, place] = path.split('/')
    if (kind === 'choices') return { body: { auditors: [{ id: 'u-7', name: 'Юрій Литвин' }], queues: ['city', 'emergency'] } }
    if (kind === 'engagements' && action === 'close') {
      const one = engagements.find((one) => one.id === id)!
      Object.assign(one, { standing: 'over', closed_at: at(0), closing: body.reason })
      return { body: one }
    }
    if (kind === 'engagements' && action === 'samples') {
      if (method === 'GET') return { body: { items: samples.map((sample) => ({ ...sample, items: undefined })), next: null } }
      if (Number(body.size) > common.frame_size) return { refused: 'frame_too_small', status: 422 }
      const made: Sample = { ...common, id: `s-${samples.length + 1}`, entry: 92_000, committed_at: at(0), size: Number(body.size), source: String(body.source), public_at: String(body.public_at), drawn: null, items: [] }
      samples.push(made)
      return { body: made }
    }
    if (kind === 'engagements') {
      if (method === 'POST') {
        const scope = body.scope as Engagement['scope']
        engagements.unshift({ id: `g-${engagements.length}`, auditor: String(body.auditor), auditor_name: 'Юрій Литвин', from: String(body.from), until: String(body.until), scope, purpose: String(body.purpose), opened_at: at(0), standing: 'not_yet', closed_at: null, closing: null })
      }
      return { body: { items: engagements, next: null } }
    }
    const sample = samples.find((sample) => sample.id === id)
    if (!sample) return { refused: 'none', status: 404 }
    if (action === 'draw') return { refused: 'draw_too_early', status: 409 }
    if (action === 'items') {
      const item = sample.items!.find((item) => item.place === Number(place))!
      const own = listening.findingsOf(item.call)
      if (body.outcome === 'finding' && own.length === 0) return { refused: 'nothing_noted', status: 409 }
      Object.assign(item, { outcome: body.outcome as Outcome, judged_at: at(0), findings: body.outcome === 'finding' ? own : [] })
    }
    for (const item of sample.items!) item.heard = listening.played.some((played) => played.contact === item.call && (played.actor as { id: string }).id === me.id)
    sample.judged = sample.items!.filter((item) => item.outcome !== null).length
    return { body: sample }
  }
  return { answer, engagements, samples, state }
}
