// Sound at another speed with its pitch kept: overlapping windows are taken from the source faster or slower than they are
// laid down, each where it continues the one before best (waveform similarity). At speed 1 what comes out is what went in.
// Pure: what is read comes in by `Source`.

/** Sound on both sides, by frames; outside of the recording it is silence. */
export interface Source {
  /** Writes `length` frames from `from` on into the two sides. */
  read: (from: number, left: Float32Array, right: Float32Array) => void
}

/** A window's length; half of it is laid down with each step. */
const WINDOW_SECS = 0.04
/** How far from its place a window may be taken: a period of the lowest voice. */
const SEARCH_SECS = 0.012

/** Fading in of what begins anew: 4 ms at 8 kHz. */
export const START_FRAMES = 32

export class Stretcher {
  /** Frames laid down by each step. */
  readonly hop: number
  readonly #search: number
  readonly #fade: Float32Array
  /** What the window before would go on with, on each side and on both together; fading out. */
  readonly #tail: [Float32Array, Float32Array]
  readonly #next: Float32Array
  #continues = Number.NaN

  constructor(rate: number) {
    this.hop = Math.round((rate * WINDOW_SECS) / 2)
    this.#search = Math.round(rate * SEARCH_SECS)
    // A window's beginning; its end is the same mirrored, so that both add up to one.
    this.#fade = Float32Array.from({ length: this.hop }, (_, i) => Math.sin((Math.PI / 2) * ((i + 0.5) / this.hop)) ** 2)
    this.#tail = [new Float32Array(this.hop), new Float32Array(this.hop)]
    this.#next = new Float32Array(this.hop)
  }

  /** Begins anew, without a word of what was before. */
  reset() {
    this.#continues = Number.NaN
  }

  /** Lays down `hop` frames of the sound around `at`, a frame, into the two sides from `to` on. */
  step(source: Source, at: number, left: Float32Array, right: Float32Array, to: number) {
    const { hop } = this
    const fresh = Number.isNaN(this.#continues)
    const from = fresh ? Math.round(at) : this.#best(source, Math.round(at))
    const window: [Float32Array, Float32Array] = [new Float32Array(2 * hop), new Float32Array(2 * hop)]
    source.read(from, window[0], window[1])
    for (const [side, out] of [left, right].entries()) {
      const [sound, tail] = [window[side]!, this.#tail[side]!]
      for (let i = 0; i < hop; i += 1) {
        const rise = this.#fade[i]!
        // What begins anew does not click.
        out[to + i] = fresh ? sound[i]! * Math.min(1, i / START_FRAMES) : sound[i]! * rise + tail[i]! * (1 - rise)
        tail[i] = sound[hop + i]!
      }
    }
    this.#continues = from + hop
  }

  /** Where near `at` the sound is most like what would come next. */
  #best(source: Source, at: number): number {
    const reach = this.#search
    if (Math.abs(at - this.#continues) <= reach) return this.#continues
    const { hop } = this
    for (let i = 0; i < hop; i += 1) this.#next[i] = this.#tail[0][i]! + this.#tail[1][i]!
    const length = hop + 2 * reach
    const [left, right] = [new Float32Array(length), new Float32Array(length)]
    source.read(at - reach, left, right)
    for (let i = 0; i < length; i += 1) left[i]! += right[i]!
    let [best, most] = [reach, -Infinity]
    for (let shift = 0; shift <= 2 * reach; shift += 1) {
      let [like, power] = [0, 1e-9]
      for (let i = 0; i < hop; i += 1) {
        const sample = left[shift + i]!
        like += sample * this.#next[i]!
        power += sample * sample
      }
      const score = like / Math.sqrt(power)
      if (score > most) [best, most] = [shift, score]
    }
    return at - reach + best
  }
}
