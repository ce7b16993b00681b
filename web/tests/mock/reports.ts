// An invented weekly report with the forms of every figure; its lists are as long as the figures say.
import * as city from './city.ts'

type Texts = Record<string, [string, string]>
const TITLES: Texts = {
  contacts_offered: ['Дзвінки, що надійшли', 'שיחות שהתקבלו'],
  service_level: ['Відповідь за 20 секунд', 'מענה בתוך 20 שניות'],
  longest_wait: ['Найдовше очікування', 'ההמתנה הארוכה ביותר'],
  cases_registered: ['Зареєстровано звернень', 'פניות שנרשמו'],
  overdue_promise: ['Обіцянка громадянинові прострочена', 'הבטחות לאזרח שפג מועדן'],
  false_closures: ['Хибні звіти про виконання', 'דיווחי שווא על ביצוע'],
  median_to_done: ['Медіана часу до виконання', 'חציון הזמן עד לביצוע'],
  deadlines_moved: ['Строки перенесено', 'מועדים שנדחו'],
}
const DEFINITION = ['«Спростовано „зроблено“» за період ÷ «Виконавці прозвітували» за період.', '״בוצע״ שהופרך בתקופה ÷ ״דווחו כבוצעו״ בתקופה.']
const SECTIONS: [string, [string, string], string[]][] = [
  ['contacts', ['Дзвінки', 'שיחות'], ['contacts_offered', 'service_level', 'longest_wait']],
  ['cases', ['Звернення', 'פניות'], ['cases_registered', 'overdue_promise']],
  ['loop', ['Від «зроблено» до підтвердження', 'מ״בוצע״ ועד אישור'], ['false_closures', 'median_to_done']],
  ['honesty', ['Чесність цифр', 'יושר המספרים'], ['deadlines_moved']],
]
const count = (n: number) => ({ kind: 'count', count: n, text: n.toLocaleString('uk'), basis: '', members: n })
const share = (part: number, whole: number) => ({ kind: 'share', part, whole, text: `${(100 * part / whole).toFixed(1)} %`, basis: `${part} / ${whole}`, members: part })
const hours = (n: number, of: number) => ({ kind: 'seconds', seconds: n * 3600, count: of, text: `${n} год`, basis: `n = ${of}`, members: of })
const VALUES: Record<string, { members: number }> = {
  contacts_offered: count(1284), service_level: share(912, 1011), longest_wait: hours(1, 1011), cases_registered: count(417), overdue_promise: count(23),
  false_closures: share(9, 120), median_to_done: hours(19, 111), deadlines_moved: count(0),
}
const members = (indicator: string, by: string | null) => (by === null ? VALUES[indicator]!.members : 3)

export function reportsApi(path: string, query: URLSearchParams): unknown {
  const side = query.get('language') === 'he' ? 1 : 0
  if (path === '/reports/today') return { from: city.at(-8), to: city.at(0), figures: ['contacts_offered', 'service_level', 'longest_wait'].map((id) => ({ id, title: TITLES[id]![side], value: VALUES[id] })) }
  if (path === '/reports/weekly/recompute') return query.get('week') === '2026-W46'
    ? { same: false, compared: 412, differences: [{ indicator: 'false_closures', title: TITLES.false_closures![side], by: 'executor', name: 'КП «Водоканал»', before: false, rows: share(2, 40), journal: share(5, 40) }] }
    : { same: true, compared: 412, differences: [] }
  if (path === '/reports/weekly/list') {
    const total = members(query.get('indicator')!, query.get('by'))
    const offset = Number(query.get('offset') ?? 0)
    const items = Array.from({ length: Math.min(200, total - offset) }, (_, n) => ({ at: city.at(-n), call: null, case: `2026-01-${String(offset + n + 1).padStart(6, '0')}`, executor: 'vodokanal', category: 'water', seconds: null }))
    return { total, items, next: offset + items.length < total ? offset + items.length : null }
  }
  const week = query.get('week') || '2026-W47'
  const rows = [['vodokanal', 'КП «Водоканал»'], ['teplo', 'Теплокомуненерго'], [null, side ? 'לא ידוע' : 'не визначено']].map(([key, name]) => ({ key, name, value: share(3, 40), before: share(1, 38) }))
  const figure = (id: string) => ({
    id, title: TITLES[id]![side], definition: DEFINITION[side]!, value: VALUES[id], before: id === 'deadlines_moved' ? count(2) : VALUES[id],
    change: id === 'deadlines_moved' ? '−2' : '0', breakdowns: id === 'false_closures' ? [{ by: 'executor', title: side ? 'לפי מבצע' : 'За виконавцем', rows }] : [],
  })
  return {
    week, first_day: week === '2026-W46' ? '2026-11-09' : '2026-11-16', last_day: week === '2026-W46' ? '2026-11-15' : '2026-11-22', from: '2026-11-15T22:00:00.000Z', to: '2026-11-22T10:00:00.000Z', unfinished: week === '2026-W47', answer_within_secs: 20,
    sections: SECTIONS.map(([id, titles, figures]) => ({ id, title: titles[side], figures: figures.map(figure) })),
  }
}
