// How a call sounds, from two readings of its counters: one word, and the figures behind it.
import type { Statistics } from './phone'

/** `silent`: nothing comes at all, though they talk. */
export type Grade = 'good' | 'fair' | 'poor' | 'silent'

export interface Quality {
  grade: Grade
  /** Share of the packets since the last reading that did not come, 0 to 1. */
  loss: number
  /** The same of ours at the other end; null until it has reported. */
  lossThere: number | null
  roundTripMs: number | null
}

/** Concealment hides single losses; from about one in fifty words suffer, from one in twelve sentences do. */
const LOSS = { fair: 0.02, poor: 0.08 }
/** ITU-T G.114: up to 150 ms one way nobody notices, from 400 ms people talk at the same time. */
const ROUND_TRIP_MS = { fair: 300, poor: 800 }
/** Packets come every 20 ms; the jitter buffer of a browser covers a few of them. */
const JITTER_MS = { fair: 40, poor: 120 }
/** Fewer packets say nothing about a share. */
const MIN_PACKETS = 20

/** None while too little came in to judge. */
export function quality(before: Statistics, now: Statistics): Quality | null {
  const received = now.packetsReceived - before.packetsReceived
  const lost = Math.max(0, now.packetsLost - before.packetsLost)
  const { lossThere, roundTripMs } = now
  if (received === 0) return { grade: 'silent', loss: 1, lossThere, roundTripMs }
  if (received + lost < MIN_PACKETS) return null
  const loss = lost / (received + lost)
  // Who is badly heard does not notice it: the worse direction counts.
  const worse = Math.max(loss, lossThere ?? 0)
  const beyond = (kind: 'fair' | 'poor') => worse >= LOSS[kind] || (roundTripMs ?? 0) >= ROUND_TRIP_MS[kind] || now.jitterMs >= JITTER_MS[kind]
  return { grade: beyond('poor') ? 'poor' : beyond('fair') ? 'fair' : 'good', loss, lossThere, roundTripMs }
}
