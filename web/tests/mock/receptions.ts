// Receptions with officials, written filings, codes and wishes to hear a call, answered from memory.
import { NUMBER } from './requests.ts'

const HOUR = 3_600_000
const names = (uk: string, he: string) => ({ uk, en: uk, lt: uk, pl: uk, ru: uk, he })

export function receptionsApi() {
  /** Quarters of an hour on two days, from nine in the morning. */
  const day = (ahead: number) => { const at = new Date(Date.now() + ahead * 24 * HOUR); at.setHours(9, 0, 0, 0); return at.getTime() }
  const slots = [2, 9].flatMap((ahead) => Array.from({ length: 12 }, (_, n) => ({ starts_at: new Date(day(ahead) + n * HOUR / 4).toISOString(), ends_at: new Date(day(ahead) + (n + 1) * HOUR / 4).toISOString() })))
  const taken = new Set<string>()
  const mayor = { id: 'mayor', name: names('Міський голова', 'ראש העיר'), place: 'Площа Незалежності, 2, кабінет 21', categories: ['water', 'light', 'water.none', 'water.burst'] }
  const free = () => slots.filter((slot) => !taken.has(slot.starts_at))
  const receptions = () => [{ ...mayor, free: free() }]
  const visit = (number: string, minutes: number, state: string, applicant: string, topic: string, earlier: string[] = []) => ({
    number, starts_at: new Date(Date.now() + minutes * 60_000).toISOString(), ends_at: new Date(Date.now() + (minutes + 15) * 60_000).toISOString(),
    state, applicant, phone: '+380501112233', language: 'uk', category: 'water.none', topic, earlier,
  })
  const visits = [
    visit('2026-01-000440', -50, 'held', 'Ганна Петренко', 'Третій рік у будинку немає гарячої води', ['2026-01-000365']),
    visit('2026-01-000441', -30, 'booked', 'Олег Яремчук', 'Прошу дозволити засклити балкон', []),
    visit('2026-01-000442', 30, 'booked', 'Марія Коваль', 'Зупинка біля школи без навісу', ['2026-01-000409', '2026-01-000398']),
  ]
  const hearings = [{ id: 'h-1', case: '2026-01-000409', call: 'c-1', asked_at: new Date(Date.now() - 3 * HOUR).toISOString(), state: 'asked', reason: null }]
  /** The own appointment on the page of the request in writing. */
  const own = (state = 'booked') => ({ ...mayor, reception: 'mayor', ...slots[1], state, may_move: state === 'booked', may_cancel: state === 'booked' })
  const filing = (number: string) => number === '2026-01-000417'
    ? { source: 'page', mail: null, media_url: null, consent: true, answers: [{ code: 'kind', value: 'dark' }], notes: [{ at: new Date(Date.now() - HOUR).toISOString(), source: 'page', text: 'Світло блимає й увечері' }], attachments: [{ id: 'a-1', received_at: new Date().toISOString(), sha256: '0' }], ratings: [] }
    : { source: null, mail: null, media_url: null, consent: false, answers: [], notes: [], attachments: [], ratings: [] }
  return { receptions, taken, visits, hearings, own, filing, mayor, number: NUMBER }
}
