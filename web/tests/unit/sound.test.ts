import { describe, expect, it } from 'vitest'
import { ahead, joined, loopOf, nextEvent, nextSpeech, onward, previousEvent, type Course } from '../../src/lib/sound/course'
import { START_FRAMES, Stretcher, type Source } from '../../src/lib/sound/stretch'

const RATE = 8000

/** A voice-like tone on the left, another on the right, for ever. */
const tones = (left: number, right: number): Source => ({
  read: (from, l, r) => {
    for (let i = 0; i < l.length; i += 1) {
      l[i] = 0.5 * Math.sin((2 * Math.PI * left * (from + i)) / RATE)
      r[i] = 0.3 * Math.sin((2 * Math.PI * right * (from + i)) / RATE)
    }
  },
})

/** `secs` of listening at a speed from a second of the source on. */
function stretched(source: Source, speed: number, secs: number, second = 0): [Float32Array, Float32Array] {
  const stretch = new Stretcher(RATE)
  const steps = Math.round((secs * RATE) / stretch.hop)
  const [left, right] = [new Float32Array(steps * stretch.hop), new Float32Array(steps * stretch.hop)]
  for (let step = 0; step < steps; step += 1) stretch.step(source, second * RATE + step * stretch.hop * speed, left, right, step * stretch.hop)
  return [left, right]
}

/** Times a second that the sound comes up through zero: the pitch of a tone that is alone. */
const pitch = (sound: Float32Array) =>
  sound.reduce((count, sample, i) => count + (i > 0 && sound[i - 1]! < 0 && sample >= 0 ? 1 : 0), 0) / (sound.length / RATE)

const level = (sound: Float32Array) => Math.sqrt(sound.reduce((sum, sample) => sum + sample * sample, 0) / sound.length)

describe('sound at another speed', () => {
  it('is the sound itself at speed 1', () => {
    const source = tones(210, 330)
    const [left, right] = stretched(source, 1, 1, 0.5)
    const [wantedLeft, wantedRight] = [new Float32Array(left.length), new Float32Array(left.length)]
    source.read(RATE / 2, wantedLeft, wantedRight)
    for (let i = START_FRAMES; i < left.length; i += 1) {
      expect(Math.abs(left[i]! - wantedLeft[i]!)).toBeLessThan(1e-5)
      expect(Math.abs(right[i]! - wantedRight[i]!)).toBeLessThan(1e-5)
    }
  })

  it.each([0.5, 0.75, 1.25, 1.5, 2, 3])('keeps pitch and loudness at speed %f', (speed) => {
    for (const hertz of [110, 210, 740]) {
      const [sound, silent] = stretched(tones(hertz, 0), speed, 2)
      expect(Math.abs(pitch(sound) / hertz - 1)).toBeLessThan(0.02)
      expect(level(sound)).toBeGreaterThan(0.9 * 0.5 * Math.SQRT1_2)
      expect(level(silent)).toBe(0)
    }
  })

  it('goes through the source as fast as it is told', () => {
    // Silence, and a tone in its third second.
    const source: Source = {
      read: (from, l, r) => {
        r.fill(0)
        for (let i = 0; i < l.length; i += 1) { const at = (from + i) / RATE; l[i] = at >= 3 && at < 4 ? Math.sin(2 * Math.PI * 300 * at) : 0 }
      },
    }
    for (const speed of [0.5, 2, 3]) {
      const [left] = stretched(source, speed, 5 / speed)
      const first = left.findIndex((sample) => Math.abs(sample) > 0.2) / RATE
      const last = left.findLastIndex((sample) => Math.abs(sample) > 0.2) / RATE
      expect(Math.abs(first - 3 / speed)).toBeLessThan(0.05)
      expect(Math.abs(last - 4 / speed)).toBeLessThan(0.05)
    }
  })
})

describe('the way through a recording', () => {
  const course: Course = { durationMs: 60_000, silences: [[5000, 9000], [20_000, 30_000], [55_000, 60_000]], skipsSilence: false, loop: null }
  const skipping = { ...course, skipsSilence: true }

  it('goes straight on, to the end', () => {
    expect(onward(course, 6000)).toBe(6000)
    expect(onward(course, 60_000)).toBeNull()
  })

  it('jumps over silence', () => {
    expect(onward(skipping, 4999)).toBe(4999)
    expect(onward(skipping, 5000)).toBe(9000)
    expect(onward(skipping, 9000)).toBe(9000)
    expect(onward(skipping, 57_000)).toBe(60_000)
  })

  it('goes round a loop, also one that ends in silence', () => {
    expect(onward({ ...course, loop: [1000, 2000] }, 2000)).toBe(1000)
    expect(onward({ ...skipping, loop: [10_000, 25_000] }, 20_500)).toBe(10_000)
    // All of it is silent: then that is what is listened to.
    expect(onward({ ...skipping, loop: [21_000, 25_000] }, 22_000)).toBe(22_000)
  })

  it('knows what will be heard, and nothing else', () => {
    expect(ahead(course, 4000, 3000)).toEqual([[4000, 7000]])
    expect(ahead(skipping, 4000, 3000)).toEqual([[4000, 5000], [9000, 11_000]])
    expect(ahead(skipping, 6000, 1000)).toEqual([[9000, 10_000]])
    expect(ahead(course, 59_000, 3000)).toEqual([[59_000, 60_000]])
    expect(ahead({ ...course, loop: [1000, 2000] }, 1500, 2000)).toEqual([[1500, 2000], [1000, 2000], [1000, 1500]])
    // A short loop is not looked round for ever.
    expect(ahead({ ...course, loop: [1000, 1300] }, 1000, 5000)).toHaveLength(4)
  })

  it('knows events and speech around', () => {
    const moments = [1000, 9000, 31_000]
    expect(nextEvent(moments, 1000)).toBe(9000)
    expect(nextEvent(moments, 31_000)).toBeNull()
    expect(previousEvent(moments, 9800)).toBe(1000)
    expect(previousEvent(moments, 12_000)).toBe(9000)
    expect(nextSpeech(course.silences, 9000)).toBe(30_000)
    expect(loopOf(9000, 4000)).toEqual([4000, 9000])
    expect(loopOf(4000, 4100)).toBeNull()
  })

  it('joins what was heard in pieces', () => {
    expect(joined([[10, 15], [0, 5], [5, 8], [14, 20], [30, 31]])).toEqual([[0, 8], [10, 20], [30, 31]])
    expect(joined([])).toEqual([])
  })
})
