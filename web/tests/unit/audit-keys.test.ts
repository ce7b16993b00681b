import { describe, expect, it } from 'vitest'
import { BOUND, commandOf, type Pressed } from '../../src/pages/audit/keys'

const key = (code: string, key: string, more: Partial<Pressed> = {}): Pressed => ({ code, key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more })

describe('the keys of the auditor', () => {
  it('go by place, in every layout', () => {
    expect(commandOf(key('KeyN', 'т'), true)).toBe('nextEvent')
    expect(commandOf(key('KeyN', 'מ'), true)).toBe('nextEvent')
    expect(commandOf(key('ArrowLeft', 'ArrowLeft', { shiftKey: true }), true)).toBe('back15')
    expect(commandOf(key('Slash', '?', { shiftKey: true }), true)).toBe('help')
    expect(commandOf(key('Digit7', '?', { shiftKey: true }), true)).toBe('help')
  })

  it('leave the browser its own, and letters to who speaks', () => {
    expect(commandOf(key('KeyL', 'l', { ctrlKey: true }), true)).toBeNull()
    expect(commandOf(key('KeyN', 'n'), false)).toBeNull()
    expect(commandOf(key('Space', ' '), false)).toBe('toggle')
    expect(commandOf(key('ArrowRight', 'ArrowRight'), false)).toBe('on5')
  })

  it('do one thing each', () => {
    const places = BOUND.flatMap(({ codes, shift = false }) => codes.map((code) => `${code} ${shift}`))
    expect(new Set(places).size).toBe(places.length)
  })
})
