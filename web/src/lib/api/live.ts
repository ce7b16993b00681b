// What the event stream says, applied to what is known. Pure: the socket is live.svelte.ts.
import type { LiveCall, LiveMessage, LiveOperator, LiveQueue, LiveRecording } from './types'

export interface LiveState {
  seq: number | null
  calls: LiveCall[]
  operators: LiveOperator[]
  queues: LiveQueue[]
  recording: LiveRecording | null
}

export const EMPTY: LiveState = { seq: null, calls: [], operators: [], queues: [], recording: null }

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

export function apply(state: LiveState, message: LiveMessage): LiveState {
  switch (message.type) {
    case 'snapshot': {
      const { calls, operators, queues, recording = null } = message.snapshot
      return { seq: message.seq, calls, operators, queues, recording }
    }
    case 'delta': {
      const gone = new Set(message.calls_gone)
      return {
        seq: message.seq,
        calls: merged(state.calls, message.calls, (call) => call.id).filter((call) => !gone.has(call.id)),
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
