// What the event stream says, applied to what is known. Pure: the socket is live.svelte.ts.
import { millis } from '../time'
import type { LiveCall, LiveIntake, LiveMessage, LiveOperator, LiveQueue, LiveRecording, LiveTrunk } from './types'

export interface LiveState {
  seq: number | null
  calls: LiveCall[]
  operators: LiveOperator[]
  queues: LiveQueue[]
  trunks: LiveTrunk[]
  recording: LiveRecording | null
  intake: LiveIntake | null
  /** When the picture last changed, ms; null before the first. */
  changedAt: number | null
}

export const EMPTY: LiveState = { seq: null, calls: [], operators: [], queues: [], trunks: [], recording: null, intake: null, changedAt: null }

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

/** `now` in ms: deltas do not tell their moment, they are taken as fresh. */
export function apply(state: LiveState, message: LiveMessage, now: number): LiveState {
  switch (message.type) {
    case 'snapshot': {
      const { calls, operators, queues, trunks, recording = null, intake = null } = message.snapshot
      return { seq: message.seq, calls, operators, queues, trunks, recording, intake, changedAt: millis(message.snapshot.at) }
    }
    case 'delta': {
      const gone = new Set(message.calls_gone)
      const moved = new Map(message.calls_moved?.map(({ id, position }) => [id, position]))
      const calls = merged(state.calls, message.calls, (call) => call.id)
        .filter((call) => !gone.has(call.id))
        .map((call) => (moved.has(call.id) ? { ...call, position: moved.get(call.id) ?? null } : call))
      return {
        seq: message.seq,
        calls,
        changedAt: now,
        trunks: merged(state.trunks, message.trunks, (trunk) => trunk.name),
        operators: merged(state.operators, message.operators, (operator) => operator.id),
        queues: merged(state.queues, message.queues, (queue) => queue.name),
        recording: message.recording ?? state.recording,
        intake: message.intake ?? state.intake,
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
