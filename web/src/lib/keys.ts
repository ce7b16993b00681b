// The keys of the desk: what each does, what a pressed key is called, which keys may be chosen. Names follow the key's
// place, not its letter, so that they work in every keyboard layout.

export const ACTIONS = ['ready', 'mute', 'assign', 'hold', 'consult', 'hangUp', 'answer', 'handOver', 'dismiss', 'search', 'help'] as const
export type Action = (typeof ACTIONS)[number]
export type Bindings = Record<Action, string>

export const DEFAULT_KEYS: Bindings = {
  ready: 'F2', mute: 'F3', assign: 'F4', hold: 'F6', consult: 'F7', hangUp: 'F8', answer: 'F9', handOver: 'F10', dismiss: 'Alt+M', search: 'Ctrl+K', help: '?',
}

/** What browsers keep for themselves, or what people expect of them while they write. */
const RESERVED = new Set(['F1', 'F5', 'F11', 'F12', ...'ACFLNPRTVWXYZ'].map((key) => (key.length === 1 ? `Ctrl+${key}` : key)))

export interface Pressed {
  key: string
  code: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  shiftKey: boolean
}

/** The name of a pressed key, as in `F2`, `Ctrl+K`, `Alt+3`; null for a modifier alone. */
export function keyName({ key, code, ctrlKey, metaKey, altKey, shiftKey }: Pressed): string | null {
  if (['Control', 'Shift', 'Alt', 'Meta', 'AltGraph'].includes(key)) return null
  const place = /^(?:Key([A-Z])|Digit(\d))$/.exec(code)
  const held = `${ctrlKey || metaKey ? 'Ctrl+' : ''}${altKey ? 'Alt+' : ''}`
  if (/^F\d+$/.test(key)) return held + (shiftKey ? 'Shift+' : '') + key
  if (held && place) return held + (shiftKey ? 'Shift+' : '') + (place[1] ?? place[2])
  return held ? `${held}${key}` : key
}

/** Whether a key may be pressed while somebody writes without putting a letter into the text. */
export const writesNothing = (name: string) => /^(?:(?:Ctrl|Alt)\+.*|(?:Shift\+)?F\d+)$/.test(name)

export const actionOf = (bindings: Bindings, name: string): Action | null => ACTIONS.find((action) => bindings[action] === name) ?? null

/** Why `name` cannot do `action`: another action has it, or it is not free; null when it can. */
export function refusal(bindings: Bindings, action: Action, name: string): { takenBy: Action } | 'not_free' | null {
  const takenBy = actionOf(bindings, name)
  if (takenBy && takenBy !== action) return { takenBy }
  // A single sign may open the help: it is not asked for while writing.
  const fits = writesNothing(name) || (action === 'help' && name.length === 1 && name !== ' ')
  return fits && !RESERVED.has(name) ? null : 'not_free'
}

/** Actions that came when people had chosen their keys already, and where these go when their usual key is taken. */
const LATER = ['consult', 'handOver'] as const
const SPARE = ['Shift+F2', 'Shift+F3', 'Shift+F4', 'Shift+F6', 'Shift+F8', 'Shift+F9']

/** What was stored, as far as it is good; the rest as shipped. */
export function readKeys(text: string | null): Bindings {
  let stored: unknown
  try {
    stored = JSON.parse(text ?? '{}')
  } catch {
    return { ...DEFAULT_KEYS }
  }
  if (typeof stored !== 'object' || stored === null) return { ...DEFAULT_KEYS }
  const chosen = Object.fromEntries(ACTIONS.flatMap((action) => {
    const name = (stored as Record<string, unknown>)[action]
    return typeof name === 'string' ? [[action, name]] : []
  })) as Partial<Bindings>
  const wanted = { ...DEFAULT_KEYS, ...chosen }
  for (const action of LATER) {
    const taken = Object.values(chosen)
    if (!chosen[action] && taken.includes(wanted[action])) wanted[action] = SPARE.find((name) => !Object.values(wanted).includes(name)) ?? wanted[action]
  }
  return ACTIONS.every((action) => refusal(wanted, action, wanted[action]) === null) ? wanted : { ...DEFAULT_KEYS }
}

/** The digit that says how the call ended, from 1; null for any other key. In the number row and on the keypad. */
export function digitOf({ code, ctrlKey, metaKey, altKey, shiftKey }: Pressed): number | null {
  const place = /^(?:Digit|Numpad)([1-9])$/.exec(code)
  return place && !(ctrlKey || metaKey || altKey || shiftKey) ? Number(place[1]) : null
}

/** Put the call on the first, second and third case that is offered. With Alt they write nothing, wherever the cursor is. */
export const ATTACH_KEYS = ['Alt+Q', 'Alt+W', 'Alt+E'] as const
/** Attach the case on the screen to the first incident that is offered. */
export const INCIDENT_KEY = 'Alt+I'
