// A citizen's call from the page: what state it is in and what leads from one to the next, without a browser and without
// a clock. Who speaks SIP stands behind `GuestPhone` (`guest-jssip.ts`), what happens when is `guest-call.svelte.ts`.
import type { Trouble } from './phone'

/** What the server gives for one call (POST /web-calls). */
export interface Pass {
  user: string
  realm: string
  ha1: string
  /** Path of the SIP socket at the page's own origin. */
  socket: string
  number: string
}

/** Why there is no call, or none any more. */
export type Failure =
  | `microphone_${Extract<Trouble, 'refused' | 'missing' | 'busy'>}`
  /** All lines are taken. */
  | 'busy'
  /** This address has called too often. */
  | 'too_many'
  | 'switched_off'
  /** The number to be reached at is none. */
  | 'number'
  | 'unreachable'
  /** Sound found no way. */
  | 'media'
  /** The browser cannot: no https, or too old. */
  | 'unable'

export type Phase =
  | { name: 'idle' }
  /** The browser asks whether the page may listen. */
  | { name: 'asking' }
  | { name: 'calling' }
  | { name: 'connected', muted: boolean, pressed: string }
  | { name: 'over', talked: boolean }
  | { name: 'failed', why: Failure }

export type GuestEvent =
  | { type: 'pressed_call' }
  | { type: 'microphone_open' }
  | { type: 'answered' }
  | { type: 'muted', on: boolean }
  | { type: 'pressed', digit: string }
  | { type: 'ended' }
  | { type: 'failed', why: Failure }
  | { type: 'closed' }

export const IDLE: Phase = { name: 'idle' }

/** Digits shown as pressed: no menu wants more. */
const SHOWN_DIGITS = 20

/** What an event makes of a phase; one that comes too late changes nothing. */
export function next(phase: Phase, event: GuestEvent): Phase {
  const on = phase.name === 'asking' || phase.name === 'calling' || phase.name === 'connected'
  switch (event.type) {
    case 'pressed_call':
      return on ? phase : { name: 'asking' }
    case 'microphone_open':
      return phase.name === 'asking' ? { name: 'calling' } : phase
    case 'answered':
      return phase.name === 'calling' ? { name: 'connected', muted: false, pressed: '' } : phase
    case 'muted':
      return phase.name === 'connected' ? { ...phase, muted: event.on } : phase
    case 'pressed':
      return phase.name === 'connected' ? { ...phase, pressed: (phase.pressed + event.digit).slice(-SHOWN_DIGITS) } : phase
    case 'ended':
      return on ? { name: 'over', talked: phase.name === 'connected' } : phase
    case 'failed':
      return on ? { name: 'failed', why: event.why } : phase
    case 'closed':
      return on ? phase : IDLE
  }
}

/** What the phone tells of its one call. */
export type Told = Extract<GuestEvent, { type: 'answered' | 'ended' | 'failed' }>

/** A phone for one call. It leaves nothing behind once `stop` was called or it has told that the call is over. */
export interface GuestPhone {
  call(pass: Pass, microphone: MediaStream): void
  mute(on: boolean): void
  /** One of 0-9 * #. */
  press(digit: string): void
  /** Of what is heard, 0 to 1. */
  setVolume(volume: number): void
  stop(): void
}

export type MakeGuestPhone = (tell: (event: Told) => void) => GuestPhone
