// What the records office sees, as the service tells it.

export type Content = 'recordings' | 'photos' | 'words'

export interface Hold {
  id: string, case: string | null, call: string | null, reason: string, reference: string
  placed_at: string, placed_by: string, lifted_at: string | null
}

export interface Erasure {
  id: string, case: string | null, call: string | null, what: Content[]
  state: 'asked' | 'refused' | 'decided' | 'done'
  reason: string | null, asked_at: string | null, asked_by: string | null, is_yours: boolean
  rule: string | null, rule_version: number | null
  decided_at: string | null, decided_by: string | null, done_at: string | null
}

export interface Due {
  case: string | null, call: string | null, category: string, over_at: string, what: Content[]
  rule: string, rule_version: number, held: boolean
}

export interface Retention { rules: { id: string, version: number, category: string }[], due: Due[], more: boolean }

export interface Keeping { held: boolean, holds: Hold[], erased: Content[] }

/** Register numbers are `2026-01-000042`; everything else names a call. */
export function subjectOf(text: string): { case: string } | { call: string } {
  const said = text.trim()
  return /^\d{4}-[A-Za-z0-9]{1,8}-\d+$/.test(said) ? { case: said } : { call: said }
}
