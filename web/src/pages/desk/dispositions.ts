// How a call can end, in the order of their keys: 1 is the first.
import type { Disposition } from '../../lib/api/types'

export const DISPOSITIONS = ['case_created', 'case_linked', 'consultation', 'transferred_emergency', 'nuisance', 'technical'] as const satisfies readonly Disposition[]
