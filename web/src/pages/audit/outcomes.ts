// What can come of a call of a sample, and how it looks.
import type { Outcome } from '../../lib/api/types'

/** Why a call tells nothing. */
export const UNUSABLE = ['no_recording', 'no_speech', 'unintelligible', 'erased', 'not_a_case'] as const satisfies readonly Outcome[]
export const OUTCOMES = ['in_order', 'finding', ...UNUSABLE] as const satisfies readonly Outcome[]

export const toneOf = (outcome: Outcome | null) => (outcome === 'in_order' ? 'good' : outcome === 'finding' ? 'bad' : outcome === null ? '' : 'warn')

/** How many calls came to each outcome; `open` are those without one. */
export function countsOf(items: readonly { outcome: Outcome | null }[]): Map<Outcome | 'open', number> {
  const counts = new Map<Outcome | 'open', number>()
  for (const { outcome } of items) counts.set(outcome ?? 'open', (counts.get(outcome ?? 'open') ?? 0) + 1)
  return counts
}
