// What the board counts, and how that compares with its targets. Pure: the live picture, the moment and the targets come in.
import type { LiveState } from '../../lib/api/live'
import type { LiveCall, LiveOperator, LiveQueue, LiveTrunk, OperatorStatus } from '../../lib/api/types'
import { millis } from '../../lib/time'

export const FIGURES = ['waiting', 'longest', 'talking', 'ready', 'signed_in', 'menu'] as const
export type FigureName = (typeof FIGURES)[number]

/** Whether a figure should stay at or below its target, or at or above it. */
export const BOUND: Record<FigureName, 'most' | 'least'> = { waiting: 'most', longest: 'most', talking: 'most', ready: 'least', signed_in: 'least', menu: 'most' }

/** States that an operator can stay in for too long; a caller hears the first of them. */
export const LINGERING = ['offered', 'wrap_up', 'not_ready'] as const satisfies readonly OperatorStatus[]
export type Lingering = (typeof LINGERING)[number]

/** What the supervisor of this browser wants: figures (null: no target), and seconds after which a state needs a look. */
export interface Targets {
  figures: Record<FigureName, number | null>
  states: Record<Lingering, number>
}

/** A minute of waiting and one free operator are wanted everywhere; how many people work is each city's own. The states:
 * a phone rings out after 20 s and wrap-up ends after 30 s unless the city's configuration says otherwise. */
export const DEFAULT_TARGETS: Targets = {
  figures: { waiting: 5, longest: 60, talking: null, ready: 1, signed_in: null, menu: null },
  states: { offered: 15, wrap_up: 60, not_ready: 900 },
}

/** A day in seconds, and more than any room holds: beyond it a target is a slip of the fingers. */
export const TARGET_LIMIT = 86_400

/** Whole and in range, or null. */
export function targetOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TARGET_LIMIT ? value : null
}

/** What was stored, the defaults where it makes no sense. */
export function targetsOf(stored: unknown): Targets {
  const { figures, states } = (typeof stored === 'object' && stored !== null ? stored : {}) as { figures?: Record<string, unknown>, states?: Record<string, unknown> }
  return {
    figures: Object.fromEntries(FIGURES.map((name) => [name, figures && name in figures ? targetOf(figures[name]) : DEFAULT_TARGETS.figures[name]])) as Targets['figures'],
    states: Object.fromEntries(LINGERING.map((name) => [name, targetOf(states?.[name]) ?? DEFAULT_TARGETS.states[name]])) as Targets['states'],
  }
}

/** Since when the first caller of a queue waits, ms; null when nobody does. */
export function longestAt(state: LiveState, queue: string): number | null {
  const since = state.calls.flatMap((call) => (call.queue === queue && call.waiting_since ? [millis(call.waiting_since)] : []))
  return since.length === 0 ? null : Math.min(...since)
}

/** The six figures, the longest wait in ms; null before the first picture. */
export function figures(state: LiveState, now: number): Record<FigureName, number | null> {
  if (state.seq === null) return { waiting: null, longest: null, talking: null, ready: null, signed_in: null, menu: null }
  const starts = state.queues.map((queue) => longestAt(state, queue.name)).filter((at) => at !== null)
  const having = (wanted: (status: OperatorStatus) => boolean) => state.operators.filter((operator) => wanted(operator.status)).length
  return {
    waiting: state.queues.reduce((sum, queue) => sum + queue.waiting, 0),
    longest: starts.length === 0 ? 0 : Math.max(0, now - Math.min(...starts)),
    talking: state.calls.filter((call) => call.phase === 'talking').length,
    ready: having((status) => status === 'ready'),
    signed_in: having((status) => status !== 'logged_out'),
    menu: state.calls.filter((call) => call.phase === 'ivr').length,
  }
}

/** `missed` beyond the target, `met` within it, `none` where there is no target or no figure. */
export type Tone = 'none' | 'met' | 'missed'

/** Times are compared in whole seconds, as they are shown. */
export function tone(name: FigureName, value: number | null, targets: Targets): Tone {
  const target = targets.figures[name]
  if (target === null || value === null) return 'none'
  const shown = name === 'longest' ? Math.floor(value / 1000) : value
  return (BOUND[name] === 'most' ? shown <= target : shown >= target) ? 'met' : 'missed'
}

/** Whether an operator has been ringing, in wrap-up or away for longer than wanted. */
export function lingers(operator: LiveOperator, now: number, targets: Targets): boolean {
  const limit = targets.states[operator.status as Lingering]
  return limit !== undefined && now - millis(operator.since) > limit * 1000
}

/** After those who linger: who works, then who could, then who is away. */
const CALM_ORDER: OperatorStatus[] = ['offered', 'talking', 'wrap_up', 'ready', 'not_ready', 'logged_out']

/** Operators in the order of attention; in a state the one that is in it longest is first. */
export function byAttention(operators: readonly LiveOperator[], now: number, targets: Targets): LiveOperator[] {
  const rank = (operator: LiveOperator) => lingers(operator, now, targets)
    ? LINGERING.indexOf(operator.status as Lingering)
    : LINGERING.length + CALM_ORDER.indexOf(operator.status)
  const ranked = operators.map((operator) => ({ operator, rank: rank(operator), since: millis(operator.since) }))
  return ranked.sort((a, b) => a.rank - b.rank || a.since - b.since || (a.operator.id < b.operator.id ? -1 : 1)).map((item) => item.operator)
}

/** Letters as they are searched: `Ґалаґан` is found by `галаган`, `Łukasz` by `lukasz`. */
const plain = (text: string) => text.toLocaleLowerCase('uk').normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ґ', 'г').replaceAll('ł', 'l')

/** Operators of a queue (all for the empty name) whose name or extension has all the words of `text`. */
export function sought(operators: readonly LiveOperator[], queue: string, text: string): LiveOperator[] {
  const words = plain(text).split(/\s+/).filter((word) => word !== '')
  return operators.filter((operator) => (queue === '' || operator.queues.includes(queue)) && words.every((word) => plain(`${operator.name} ${operator.extension}`).includes(word)))
}

/** The line of a queue, as it will be served. */
export function lineOf(calls: readonly LiveCall[], queue: string): LiveCall[] {
  return calls.filter((call) => call.queue === queue && call.position !== null).sort((a, b) => a.position! - b.position!)
}

/** The `count` queues with the longest lines, in the order of the configuration: rows that change places cannot be read. */
export function busiest(queues: readonly LiveQueue[], count: number): LiveQueue[] {
  const chosen = new Set([...queues].sort((a, b) => b.waiting - a.waiting).slice(0, count))
  return queues.filter((queue) => chosen.has(queue))
}

/** The text that says what is wrong with a trunk; null where nothing is. One that is down is not registered either. */
export function trunkAlarm(trunk: LiveTrunk): 'board.trunkDown' | 'board.trunkUnregistered' | null {
  if (trunk.state === 'down') return 'board.trunkDown'
  return trunk.registered === false ? 'board.trunkUnregistered' : null
}
