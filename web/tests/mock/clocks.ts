// Clocks and escalations of the invented cases.
import type { Case, Clock, Clocks, Escalation, Raised } from '../../src/lib/api/types.ts'
import { at } from './city.ts'

const HOUR = 3_600_000
const POSTS = { head: { id: 'executor.head', name: 'Керівник організації-виконавця' }, deputy: { id: 'deputy_mayor.line', name: 'Заступник міського голови за напрямом' } }

function stage(by: string, state: Case['state'], clock: 'citizen' | 'executor'): Clock['stage'] {
  if (state === 'on_hold') return 'paused'
  if (state === 'closed' || (clock === 'executor' && !['assigned', 'accepted', 'in_progress'].includes(state))) return 'stopped'
  const left = Date.parse(by) - Date.now()
  return left < 0 ? 'overdue' : left < 2 * HOUR ? 'late' : left < 12 * HOUR ? 'half' : 'fresh'
}

export function clocksOf(item: Case): Clocks {
  const month = new Date(Date.parse(String(item.registered_at)) + 30 * 24 * HOUR).toISOString()
  const executor = item.deadline && { norm: item.deadline.norm, act: null, first: item.deadline.first, resolve_by: item.deadline.resolve_by, extendable_to: at(24 * 20), stage: stage(String(item.deadline.resolve_by), item.state, 'executor') }
  return {
    citizen: { norm: 'appeal', act: 'Закон України «Про звернення громадян», ст. 20', first: month, resolve_by: month, extendable_to: new Date(Date.parse(month) + 15 * 24 * HOUR).toISOString(), stage: stage(month, item.state, 'citizen') },
    executor,
    pauses: [], extensions: [], asked: null, escalations: [], moved: 0,
  }
}

const escalation = (number: number, level: number, post: Escalation['to'][number], answered: boolean): Escalation => ({
  number, clock: 'executor', missed: at(-30), level, to: [post], executor_name: 'Міськсвітло', raised_at: at(-30 + level), answer_by: at(level === 2 ? 3 : -20),
  answer: answered ? { answered_at: at(-26), post, text: 'Кабель під дорогою; розкопки погоджено на завтра.' } : null,
})

/** One case that is asked about, one where more time is asked for, one that rests. */
export function dress(cases: Case[]) {
  for (const item of cases) item.clocks ??= clocksOf(item)
  const of = (end: string) => cases.find((item) => item.number.endsWith(end))?.clocks
  const [asked, moved, raised] = [of('409'), of('402'), of('391')]
  if (asked) asked.asked = { wish: 'extension', reason: null, until: at(24 * 3).slice(0, 10), why: 'Чекаємо на засувку зі складу.', asked_at: at(-1) }
  if (moved) Object.assign(moved, { pauses: [{ reason: 'awaiting_applicant', from: at(-24), until: at(-12) }], extensions: [{ clock: 'executor', at: at(-10), from: at(-8), to: at(-4) }], moved: 2 })
  if (raised) raised.escalations = [escalation(1, 1, POSTS.head, true), escalation(2, 2, POSTS.deputy, false)]
}

export const raisedOf = (cases: Case[], role: string): Raised[] =>
  cases.flatMap((item) => (item.clocks?.escalations ?? []).filter((one) => !one.answer)
    .map((one) => ({ escalation: one, case: item, number: item.number, may_answer: role === 'mayor_office' || role === 'control' })))
