// Cases that are handed over, answered from memory: one in each state that people see.
const HOUR = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString()

export function disclosuresApi() {
  const one = (id: string, number: string, state: string, more: object = {}) => ({
    id, case: number, state, purpose: 'Розгляд скарги на бездіяльність', recipient: 'Окружний адміністративний суд', basis: 'Ухвала 320/1580/26 від 19.11.2026',
    asked_at: ago(5), asked_by: 'kontrol', decided_at: null, decided_by: null, reason: null, percent: null, sha256: null, length: null, until_at: null, fetches: 0, most_fetches: 20,
    may_decide: false, may_make: false, may_fetch: false, ...more,
  })
  const decided = { decided_at: ago(4), decided_by: 'archiv' }
  const items = [
    one('d-1', '2026-01-000409', 'asked', { may_decide: true }),
    one('d-2', '2026-01-000398', 'approved', { ...decided, percent: 40 }),
    one('d-3', '2026-01-000391', 'made', { ...decided, length: 48_200_000, until_at: new Date(Date.now() + 60 * HOUR).toISOString(), fetches: 1, may_fetch: true }),
    one('d-4', '2026-01-000365', 'refused', { ...decided, reason: 'Рішення ще не набрало сили' }),
    one('d-5', '2026-01-000350', 'failed', { ...decided, may_make: true }),
  ]
  const answer = (method: string, wanted: Record<string, unknown> | null, id: string, action: string, me: { name: string }) => {
    if (method === 'GET') return { items, next: null }
    if (wanted) {
      const asked = one(`d-${items.length + 1}`, String(wanted.number), 'asked', { ...wanted, asked_at: ago(0), asked_by: me.name })
      items.unshift(asked)
      return asked
    }
    const found = items.find((item) => item.id === id)!
    if (action === 'approve') Object.assign(found, { state: 'approved', percent: 0, may_decide: false, decided_at: ago(0), decided_by: me.name })
    if (action === 'refuse') Object.assign(found, { state: 'refused', may_decide: false, decided_at: ago(0), decided_by: me.name })
    if (action === 'make') Object.assign(found, { state: 'approved', percent: 0, may_make: false })
    return found
  }
  return { items, answer }
}
