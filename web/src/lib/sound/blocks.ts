// The sound of a recording, fetched block by block when it is about to be heard: the service journals what it sends, and
// so the journal names the seconds that were listened to and not the whole call.
import { problemOf } from '../api/client'
import type { Source } from './stretch'

/** Where the sound lies in the file. */
export interface Layout { rate: number, frames: number, dataOffset: number }

export const BLOCK_SECS = 5
/** Twenty minutes are kept; what was heard before that is fetched, and journalled, again. */
const KEPT_BLOCKS = 240
/** Two sides of 16 bits. */
const FRAME_BYTES = 4

export class Blocks implements Source {
  readonly #blocks = new Map<number, Int16Array>()
  readonly #coming = new Map<number, Promise<void>>()
  readonly #length: number

  constructor(readonly url: string, readonly layout: Layout) {
    this.#length = layout.rate * BLOCK_SECS
  }

  /** Whether the frames from `from` up to `to` are here. */
  has(from: number, to: number): boolean {
    return this.#numbers(from, to).every((number) => this.#blocks.has(number))
  }

  /** Fetches what is missing of the frames from `from` up to `to`, the earliest first. */
  async need(from: number, to: number): Promise<void> {
    for (const number of this.#numbers(from, to)) {
      if (this.#blocks.has(number)) continue
      let coming = this.#coming.get(number)
      if (!coming) {
        coming = this.#fetch(number).finally(() => this.#coming.delete(number))
        this.#coming.set(number, coming)
      }
      await coming
    }
  }

  read(from: number, left: Float32Array, right: Float32Array) {
    for (let i = 0; i < left.length; i += 1) {
      const frame = from + i
      const number = Math.floor(frame / this.#length)
      const block = this.#blocks.get(number)
      const at = 2 * (frame - number * this.#length)
      left[i] = (block?.[at] ?? 0) / 32768
      right[i] = (block?.[at + 1] ?? 0) / 32768
    }
  }

  #numbers(from: number, to: number): number[] {
    const first = Math.max(0, Math.floor(from / this.#length))
    const last = Math.floor((Math.min(to, this.layout.frames) - 1) / this.#length)
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
  }

  async #fetch(number: number) {
    const { dataOffset, frames } = this.layout
    const first = number * this.#length
    const count = Math.min(this.#length, frames - first)
    const begin = dataOffset + first * FRAME_BYTES
    const range = `bytes=${begin}-${begin + count * FRAME_BYTES - 1}`
    const response = await fetch(this.url, { headers: { range }, credentials: 'same-origin' })
    if (response.status !== 206) {
      // What may be heard no longer is not kept either.
      if (response.status === 403) this.#blocks.clear()
      throw await problemOf(response)
    }
    const bytes = await response.arrayBuffer()
    const view = new DataView(bytes)
    const samples = new Int16Array(Math.floor(bytes.byteLength / 2))
    for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(i * 2, true)
    this.#blocks.set(number, samples)
    if (this.#blocks.size > KEPT_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value!)
  }
}
