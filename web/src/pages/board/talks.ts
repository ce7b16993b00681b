// Supervisors in talks: who is where, by the live picture; which key does what; why the server refused. Pure.
import { Problem } from '../../lib/api/client'
import type { LiveState } from '../../lib/api/live'
import type { LiveCall, LiveOperator, Supervision } from '../../lib/api/types'
import type { Key } from '../../lib/i18n/all'

/** In the order of their keys, 1 to 4: each goes further than the one before. */
export const HOW = ['listen', 'whisper', 'barge', 'take_over'] as const satisfies readonly Supervision[]

/** What is sent as the reason: a code that every reader sees in their own language, or one's own words. */
export const WHY = ['training', 'quality', 'complaint', 'help_asked'] as const

/** Why somebody else is made not ready. */
export const WHY_NOT_READY = ['away', 'break', 'lunch', 'paperwork', 'training'] as const

/** A supervisor's place in a talk. After taking over the talk is their own, and nobody supervises it. */
export interface Place {
  call: LiveCall
  how: Supervision
  present: boolean
}

/** Where `user` is or is being rung for; null when in no talk. */
export function placeOf(state: LiveState, user: string): Place | null {
  for (const call of state.calls) {
    const known = call.supervisors?.find((supervisor) => supervisor.id === user)
    if (known) return { call, how: known.how, present: known.present }
  }
  const taken = state.calls.find((call) => call.operator === user && call.phase === 'talking')
  return taken ? { call: taken, how: 'take_over', present: true } : null
}

/** Whether there is something to listen to. */
export const talks = (operator: LiveOperator, call: LiveCall | undefined) => operator.status === 'talking' && call?.phase === 'talking'

/** What a pressed key wants of a talk; digits by their place, as some layouts have letters there. */
export function wishOf({ key, code }: { key: string, code: string }): Supervision | 'leave' | null {
  if (key === 'Escape') return 'leave'
  const digit = /^Digit(\d)$/.exec(code)?.[1] ?? (/^\d$/.test(key) ? key : null)
  if (digit === '0') return 'leave'
  return digit === null ? null : (HOW[Number(digit) - 1] ?? null)
}

/** Problems by the name that the service gives them. */
const CONFLICTS: Record<string, Key> = {
  no_phone: 'supError.noPhone', no_talk: 'supError.noTalk', talk_full: 'supError.full', page_closed: 'supError.pageClosed', phone_offline: 'supError.phoneOffline',
}

/** A refusal in words that say what to do; null for one that is like any other. */
export function refusalOf(error: unknown): Key | null {
  if (!(error instanceof Problem)) return null
  if (error.status === 404) return 'supError.noTalk'
  if (error.status !== 409) return null
  return CONFLICTS[error.code] ?? null
}
