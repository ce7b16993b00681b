// The keys of the auditor's page. They go by the key's place, so that they are where they are in every layout; arrows are
// always the arrows of time: left is earlier, also in Hebrew.
import type { Key } from '../../lib/i18n/all'

export type Command =
  | 'toggle' | 'back5' | 'on5' | 'back15' | 'on15' | 'previousEvent' | 'nextEvent' | 'nextSpeech' | 'slower' | 'faster' | 'normal'
  | 'skip' | 'loop' | 'muteCitizen' | 'muteCity' | 'finding' | 'nextCall' | 'help'

interface Bound { command: Command, codes: string[], shift?: boolean, shown: string, text: Key, params?: Record<string, number>, who?: Key }

export const BOUND: readonly Bound[] = [
  { command: 'toggle', codes: ['Space', 'KeyK'], shown: 'Space, K', text: 'listen.playPause' },
  { command: 'back5', codes: ['ArrowLeft'], shown: '←', text: 'listen.back', params: { n: 5 } },
  { command: 'on5', codes: ['ArrowRight'], shown: '→', text: 'listen.on', params: { n: 5 } },
  { command: 'back15', codes: ['ArrowLeft'], shift: true, shown: 'Shift ←', text: 'listen.back', params: { n: 15 } },
  { command: 'on15', codes: ['ArrowRight'], shift: true, shown: 'Shift →', text: 'listen.on', params: { n: 15 } },
  { command: 'previousEvent', codes: ['KeyP'], shown: 'P', text: 'listen.previousEvent' },
  { command: 'nextEvent', codes: ['KeyN'], shown: 'N', text: 'listen.nextEvent' },
  { command: 'nextSpeech', codes: ['KeyE'], shown: 'E', text: 'listen.nextSpeech' },
  { command: 'slower', codes: ['BracketLeft'], shown: '[', text: 'listen.slower' },
  { command: 'faster', codes: ['BracketRight'], shown: ']', text: 'listen.faster' },
  { command: 'normal', codes: ['Digit0'], shown: '0', text: 'listen.normal' },
  { command: 'skip', codes: ['KeyS'], shown: 'S', text: 'listen.skip' },
  { command: 'loop', codes: ['KeyL'], shown: 'L', text: 'listen.loop' },
  { command: 'muteCitizen', codes: ['Digit1'], shown: '1', text: 'listen.mute', who: 'audit.citizen' },
  { command: 'muteCity', codes: ['Digit2'], shown: '2', text: 'listen.mute', who: 'audit.city' },
  { command: 'finding', codes: ['KeyM'], shown: 'M', text: 'finding.new' },
  { command: 'nextCall', codes: ['KeyX'], shown: 'X', text: 'listen.nextCall' },
  { command: 'help', codes: [], shown: '?', text: 'listen.keys' },
]

export type Pressed = Pick<KeyboardEvent, 'code' | 'key' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>

/** What a key does on this page. Letters can be switched off (WCAG 2.1.4): who speaks to a computer presses them all. */
export function commandOf(pressed: Pressed, letters: boolean): Command | null {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey) return null
  if (pressed.key === '?') return 'help'
  const bound = BOUND.find(({ codes, shift = false }) => codes.includes(pressed.code) && shift === pressed.shiftKey)
  if (!bound || (!letters && pressed.key.length === 1 && pressed.code !== 'Space')) return null
  return bound.command
}

/** Whether the key belongs to what has the focus: somebody writes, or presses a button. */
export function isTaken(target: EventTarget | null, code: string): boolean {
  if (!(target instanceof Element)) return false
  if (target.closest('dialog')) return true
  if (target.closest('input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]')) return true
  if (target.closest('input[type=range]')) return code.startsWith('Arrow')
  return code === 'Space' && target.closest('button, a, summary, label, input') !== null
}
