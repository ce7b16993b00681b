// What the event stream says, applied to what is known. Pure: the socket is live.svelte.ts.
import { millis } from '../time'
import type { LiveCall, LiveMessage, LiveOperator, LiveQueue, LiveRecording, LiveTrunk } from './types'

export interface LiveState {
  seq: number | null
  calls: LiveCall[]
  operators: LiveOperator[]
  queues: LiveQueue[]
  trunks: LiveTrunk[]
  recording: LiveRecording | null
  /** When the picture last changed, ms; null before the first. */
  changedAt: number | null
  /** Since when each caller stands in a line, ms, by call. A call's own `since` starts anew with every phone rung for it. */
  linedUpAt: ReadonlyMap<string, number>
  /** Since when the first of each line has waited, ms, by queue, as the queue itself counts. */
  longestAt: ReadonlyMap<string, number>
}

export const EMPTY: LiveState = { seq: null, calls: [], operators: [], queues: [], trunks: [], recording: null, changedAt: null, linedUpAt: new Map(), longestAt: new Map() }

function merged<T>(old: T[], fresh: T[] | undefined, key: (item: T) => string): T[] {
  if (!fresh?.length) return old
  const changed = new Map(fresh.map((item) => [key(item), item]))
  const kept = old.map((item) => {
    const replacement = changed.get(key(item))
    changed.delete(key(item))
    return replacement ?? item
  })
  return [...kept, ...changed.values()]
}

const inLine = (call: LiveCall) => call.position !== null

function linedUp(known: ReadonlyMap<string, number>, calls: LiveCall[]): Map<string, number> {
  return new Map(calls.filter(inLine).map((call) => [call.id, Math.min(known.get(call.id) ?? Infinity, millis(call.since))]))
}

function longest(known: ReadonlyMap<string, number>, queues: LiveQueue[], at: number): Map<string, number> {
  const since = new Map(known)
  for (const queue of queues) {
    if (queue.waiting > 0) since.set(queue.name, at - queue.longest_wait_secs * 1000)
    else since.delete(queue.name)
  }
  return since
}

/** `now` in ms: deltas do not tell their moment, they are taken as fresh. */
export function apply(state: LiveState, message: LiveMessage, now: number): LiveState {
  switch (message.type) {
    case 'snapshot': {
      const { calls, operators, queues, trunks, recording = null } = message.snapshot
      const changedAt = millis(message.snapshot.at)
      return { seq: message.seq, calls, operators, queues, trunks, recording, changedAt, linedUpAt: linedUp(state.linedUpAt, calls), longestAt: longest(new Map(), queues, changedAt) }
    }
    case 'delta': {
      const gone = new Set(message.calls_gone)
      const calls = merged(state.calls, message.calls, (call) => call.id).filter((call) => !gone.has(call.id))
      return {
        seq: message.seq,
        calls,
        changedAt: now,
        linedUpAt: linedUp(state.linedUpAt, calls),
        longestAt: longest(state.longestAt, message.queues ?? [], now),
        trunks: merged(state.trunks, message.trunks, (trunk) => trunk.name),
        operators: merged(state.operators, message.operators, (operator) => operator.id),
        queues: merged(state.queues, message.queues, (queue) => queue.name),
        recording: message.recording ?? state.recording,
      }
    }
    default:
      return state
  }
}

/** Milliseconds before the n-th try (from 0): quick at first, never more than 10 s, spread so desks do not return at once. */
export function reconnectDelay(attempt: number, random: number): number {
  return Math.min(10_000, 400 * 2 ** attempt) * (0.75 + random / 2)
}
