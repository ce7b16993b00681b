// Requests in writing, answered from memory: one category asks questions, one street exists, one code opens.
import { photo } from './sound.ts'

const names = (uk: string, he: string) => ({ uk, en: uk, lt: uk, pl: uk, ru: uk, he })
export const NUMBER = '2026-01-000431'
export const CODE = 'K7QM-3XPA'
/** The city's; pages are looked at from other zones, too. */
export const ZONE = 'Europe/Kyiv'
const HOUR = 3_600_000

export class Refused extends Error {
  constructor(readonly status: number, readonly detail: string) { super(detail) }
}

export function requestsApi() {
  const at = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString()
  const page = {
    number: NUMBER, state: 'registered', open: true, category: 'light', category_name: 'Вуличне освітлення', description: 'Лампа не світить',
    address: 'вулиця Тараса Шевченка, 2', registered_at: at(-30), responsible: null as string | null, promised_by: null as string | null, first_promised_by: null as string | null,
    overdue: false, continued: null as { number: string, state: string, open: boolean } | null, closing_code: null, cycle: 1, steps: [{ at: at(-30), step: 'registered', organisation: null as string | null }], pictures: [] as string[],
    may: { answer: false, reopen: false, reopen_until: null as string | null, withdraw: true, rate: false, add: true }, rating: null as number | null,
    work_pictures: [] as { id: string, role: string }[], appointment: null as Record<string, unknown> | null, time_zone: ZONE,
    calls: [] as { id: string, at: string, seconds: number, state: string, reason: string | null }[], calls_ask_number: true,
  }
  /** Whether the city writes at all. */
  const sms = { on: true }
  const step = (step: string, hours: number, organisation: string | null = null) => page.steps.push({ at: at(hours), step, organisation })
  /** The work is done, and the case is closed. */
  function close() {
    Object.assign(page, { state: 'closed', open: false, responsible: null, promised_by: at(20), first_promised_by: at(-4) })
    page.may = { answer: false, reopen: true, reopen_until: at(700), withdraw: false, rate: true, add: false }
    step('assigned', -29, 'КП «Міськсвітло»'); step('accepted', -28); step('reported', -3); step('closed', -1)
  }

  /** Control has found the work done, and the city asks. */
  function ask() {
    Object.assign(page, { state: 'checked', responsible: 'КП «Міськсвітло»', promised_by: at(20) })
    page.may = { ...page.may, answer: true }
    step('assigned', -29, 'КП «Міськсвітло»'); step('accepted', -28); step('reported', -3); step('checked', -1)
  }

  function answer(action: string | undefined, json: Record<string, unknown>, raw: Buffer, query: URLSearchParams): unknown {
    const text = raw.toString('latin1')
    switch (action) {
      case 'form': return {
        open: true, register: true,
        categories: [
          { id: 'water', name: names('Водопостачання', 'אספקת מים'), group: 'utilities', questions: [] },
          { id: 'light', name: names('Вуличне освітлення', 'תאורת רחוב'), group: 'streets', questions: [
            { code: 'pole', kind: 'string', required: false, name: names('Номер опори, якщо видно', 'מספר העמוד, אם רואים'), values: [] },
            { code: 'kind', kind: 'singlevaluelist', required: true, name: names('Що з ліхтарем', 'מה קרה לפנס'), values: [{ key: 'dark', name: names('Не світить', 'לא מאיר') }] },
          ] },
        ],
      }
      case 'addresses': return { items: /шев|shev/i.test(query.get('q') ?? '') ? [{ key: 'шевченка', street: 'вулиця Тараса Шевченка', settlement: null, house: /\d/.test(query.get('q') ?? '') ? '2' : null }] : [] }
      case 'requests': return { number: NUMBER, code: CODE }
      case 'code':
        if (!sms.on) throw new Refused(409, 'codes are not sent by SMS here: call us')
        return { accepted: true }
      case 'photos':
        if (!text.includes(CODE)) throw new Refused(404, 'no such request')
        page.pictures = [...page.pictures, `p-${page.pictures.length}`]
        return page
    }
    if (json.number !== NUMBER || json.code !== CODE) throw new Refused(404, 'there is no such request with this number and code')
    switch (action) {
      case 'status': case 'notes': return page
      case 'appointment-move': Object.assign(page.appointment!, { starts_at: json.starts_at }); return page
      case 'appointment-cancel': Object.assign(page.appointment!, { state: 'cancelled', may_move: false, may_cancel: false }); return page
      case 'work-picture': return photo(json.id === 'w-2')
      case 'recording': Object.assign(page.calls[0]!, { state: 'asked' }); return page
      case 'recording-link': return { address: '/api/v1/citizen/recordings/0123', until: at(1) }
      case 'picture': return photo(true)
      case 'rating': Object.assign(page, { rating: json.score }); page.may.rate = false; return page
      case 'reopen':
        Object.assign(page, { state: 'assigned', open: true, cycle: 2, responsible: 'КП «Міськсвітло»', overdue: true })
        page.may = { answer: false, reopen: false, reopen_until: null, withdraw: true, rate: false, add: true }
        step('reopened', 0)
        return page
      case 'verdict':
        page.may = { ...page.may, answer: false }
        if (json.fixed) close()
        else { Object.assign(page, { state: 'started' }); step('returned', 0) }
        return page
      case 'withdraw': Object.assign(page, { state: 'closed', open: false }); page.may = { answer: false, reopen: false, reopen_until: null, withdraw: false, rate: false, add: false }; step('withdrawn', 0); return page
      default: throw new Refused(404, String(action))
    }
  }
  return { page, sms, close, ask, answer }
}
