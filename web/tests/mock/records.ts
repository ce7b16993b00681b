// The records office of the invented city: two holds, two erasures that wait, one that was done, one that a rule ends.
const HOUR = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString()

export function recordsApi() {
  const ALL = ['recordings', 'photos', 'words']
  const nobody = { call: null, rule: null, rule_version: null, decided_at: null, decided_by: null, done_at: null }
  const hold = (id: string, number: string, reference: string, reason: string) =>
    ({ id, case: number, call: null, reason, reference, placed_at: ago(50), placed_by: 'Лідія Мороз', lifted_at: null, lifted_by: null, lifted_reason: null })
  let holds = [
    hold('h-1', '2026-01-000365', '758/1580/26', 'Ухвала суду про збереження доказів'),
    hold('h-2', '2026-01-000398', 'ДАІ-44/12', 'Перевірка держінспекції'),
  ]
  const asked = (id: string, number: string, who: string, mine: boolean, reason: string) =>
    ({ ...nobody, id, case: number, what: ALL, state: 'asked', reason, asked_at: ago(20), asked_by: who, is_yours: mine })
  let waiting: Record<string, unknown>[] = [
    asked('e-1', '2026-01-000409', 'Ірина Савчук', false, 'Заява про видалення персональних даних, вх. 1580/26'),
    asked('e-2', '2026-01-000365', 'Лідія Мороз', true, 'Заява про видалення, вх. 1581/26'),
  ]
  const done = [
    { ...asked('e-3', '2026-01-000201', 'Лідія Мороз', true, 'Заява, вх. 1502/26'), state: 'done', decided_by: 'Ірина Савчук', decided_at: ago(400), done_at: ago(400) },
    { ...nobody, id: 'e-4', case: '2025-01-014217', what: ['recordings'], state: 'done', reason: null, asked_at: null, asked_by: null, is_yours: false, rule: 'default', rule_version: 2, decided_at: ago(700), done_at: ago(700) },
  ]
  const retention = {
    rules: [{ id: 'default', version: 2, category: '*', recordings: '12mo', photos: null, words: '36mo', calls_without_case: '90d' }],
    due: [
      { case: '2025-01-014301', call: null, category: 'water.burst', over_at: ago(9_000), what: ['recordings'], rule: 'default', rule_version: 2, held: false },
      { case: '2025-01-013998', call: null, category: 'roads', over_at: ago(9_100), what: ['recordings'], rule: 'default', rule_version: 2, held: true },
    ],
    more: false,
  }
  /** Null where a hold forbids it. */
  const answer = (method: string, kind: string, id: string | undefined, action: string | undefined, state: string | null, json: Record<string, unknown>): unknown => {
    if (action === 'keeping') return { held: id === '2026-01-000365', holds: [], erased: id === '2026-01-000201' ? ALL : [] }
    if (kind === 'retention') return retention
    if (kind === 'holds') {
      if (method === 'GET') return { items: holds, next: null }
      if (action === 'lift') { holds = holds.filter((one) => one.id !== id); return {} }
      holds = [hold('h-9', String(json.case), String(json.reference), String(json.reason)), ...holds]
      return holds[0]
    }
    if (method === 'GET') return { items: state === 'done' ? done : waiting.filter((one) => one.state === state), next: null }
    const held = (number: unknown) => holds.some((one) => one.case === number)
    if (id === undefined) {
      if (held(json.case)) return null
      waiting = [asked('e-9', String(json.case), 'Лідія Мороз', true, String(json.reason)), ...waiting]
      return waiting[0]
    }
    const one = waiting.find((one) => one.id === id)
    if (action === 'agree' && held(one?.case)) return null
    if (one && action === 'agree') one.state = 'decided'
    else waiting = waiting.filter((one) => one.id !== id)
    return one ?? {}
  }
  return { answer }
}
