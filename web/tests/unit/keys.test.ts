// Keys of the desk: names, conflicts, what was stored.
import { describe, expect, it } from 'vitest'
import { ACTIONS, DEFAULT_KEYS, actionOf, keyName, readKeys, refusal, writesNothing } from '../../src/lib/keys'

const press = (key: string, code = key, more = {}) => keyName({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more })

describe('keys', () => {
  it('are named by their place, in any layout', () => {
    expect(press('F2')).toBe('F2')
    expect(press('F2', 'F2', { shiftKey: true })).toBe('Shift+F2')
    expect(press('л', 'KeyK', { ctrlKey: true })).toBe('Ctrl+K')
    expect(press('k', 'KeyK', { metaKey: true })).toBe('Ctrl+K')
    expect(press('3', 'Digit3', { altKey: true })).toBe('Alt+3')
    expect(press('?', 'Slash', { shiftKey: true })).toBe('?')
    expect(press('Control', 'ControlLeft', { ctrlKey: true })).toBeNull()
  })
  it('of the issue do what the issue says', () => {
    const done = ['F2', 'F3', 'F4', 'F6', 'F7', 'F8', 'F9', 'F10', 'Ctrl+K', '?'].map((name) => actionOf(DEFAULT_KEYS, name))
    expect(done).toEqual(['ready', 'mute', 'assign', 'hold', 'consult', 'hangUp', 'answer', 'handOver', 'search', 'help'])
  })
  it('write nothing when they work while somebody writes', () => {
    expect(['F2', 'Ctrl+K', 'Alt+3', 'Shift+F7'].every(writesNothing)).toBe(true)
    expect(['?', 'k', 'Enter'].some(writesNothing)).toBe(false)
  })
  it('do one thing only, and leave the browser its own', () => {
    expect(refusal(DEFAULT_KEYS, 'mute', 'Shift+F3')).toBeNull()
    expect(refusal(DEFAULT_KEYS, 'mute', 'F3')).toBeNull()
    expect(refusal(DEFAULT_KEYS, 'mute', 'F8')).toEqual({ takenBy: 'hangUp' })
    for (const name of ['F5', 'Ctrl+W', 'Ctrl+C', 'm', 'Enter', ' ']) expect(refusal(DEFAULT_KEYS, 'mute', name), name).toBe('not_free')
    expect(refusal(DEFAULT_KEYS, 'help', 'h')).toBeNull()
  })
  it('that ship are free, and stored ones are taken only when all fit together', () => {
    for (const action of ACTIONS) expect(refusal(DEFAULT_KEYS, action, DEFAULT_KEYS[action]), action).toBeNull()
    expect(readKeys('{"mute":"Shift+F3","unknown":"F10"}')).toEqual({ ...DEFAULT_KEYS, mute: 'Shift+F3' })
    // Chosen before the key had a meaning: what came later gives way.
    expect(readKeys('{"mute":"F7","hold":"Shift+F2"}')).toEqual({ ...DEFAULT_KEYS, mute: 'F7', hold: 'Shift+F2', consult: 'Shift+F3' })
    for (const bad of [null, '', 'x', 'null', '[]', '{"mute":"F8"}', '{"mute":"m"}', '{"mute":7}']) expect(readKeys(bad), String(bad)).toEqual(DEFAULT_KEYS)
  })
})
