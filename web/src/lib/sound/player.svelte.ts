// Plays a recording by Web Audio: each side at its own loudness, at any speed with the pitch kept, over silences and round
// loops. Sound is fetched just ahead of the ear (`blocks.ts`), stretched (`stretch.ts`) and laid down a little ahead of
// the clock; what is heard now is read back from what was laid down.
import { Blocks, BLOCK_SECS, type Layout } from './blocks'
import { ahead, loopOf, onward, type Span } from './course'
import { Stretcher } from './stretch'

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3] as const

/** Laid down ahead of the clock; more where the browser lets timers sleep. */
const AHEAD_SECS = 0.5
const AHEAD_HIDDEN_SECS = 2.5
/** Steps laid down at once. */
const STEPS = 5
const PUMP_MS = 100
/** Fetched before it is needed, in seconds of listening. */
const FETCH_AHEAD_SECS = 3
/** From the click to the first sample: what the clock needs to be ahead of. */
const START_SECS = 0.03
/** A window reaches further than the place it is taken for. */
const MARGIN_SECS = 0.06
/** Between attempts to fetch ahead; what is not there when it is to be heard stops the player, with a word why. */
const RETRY_MS = 1000

/** A piece that was laid down: when it sounds, and which part of the recording it is. */
interface Laid { node: AudioBufferSourceNode, at: number, secs: number, from: number[] }

export class Player {
  atMs = $state(0)
  playing = $state(false)
  /** Sound is on its way. */
  waiting = $state(false)
  failed = $state(false)
  /** Why, where the service said so. */
  failure = $state.raw<unknown>(null)
  speed = $state(1)
  skipsSilence = $state(false)
  loop = $state.raw<Span | null>(null)
  /** Where a loop is to begin, until its end is said. */
  loopFrom = $state<number | null>(null)
  /** Citizen and city, 0 to 1. */
  volumes = $state<[number, number]>([1, 1])

  readonly durationMs: number
  #context: AudioContext | null = null
  #gains: GainNode[] = []
  #blocks: Blocks
  #stretch: Stretcher
  #laid: Laid[] = []
  /** Where the next piece comes from, ms, and when it sounds; none when the recording is over. */
  #next: number | null = 0
  #nextAt = 0
  #timer: ReturnType<typeof setInterval> | undefined
  #frame = 0
  /** Counts jumps: what was fetched for an earlier place starts nothing. */
  #turn = 0
  /** What did not come is not asked for again before this moment. */
  #retryAt = 0

  constructor(url: string, readonly layout: Layout, readonly silences: Span[]) {
    this.#blocks = new Blocks(url, layout)
    this.#stretch = new Stretcher(layout.rate)
    this.durationMs = (layout.frames / layout.rate) * 1000
  }

  async play() {
    if (this.playing) return
    this.failed = false
    this.failure = null
    this.#retryAt = 0
    const context = this.#open()
    this.playing = true
    if (this.atMs >= this.durationMs - 20) this.atMs = this.loop?.[0] ?? 0
    this.#restart()
    this.#timer = setInterval(() => this.#pump(), PUMP_MS)
    this.#follow()
    await context.resume()
  }

  pause() {
    this.#silence()
    this.playing = false
    this.waiting = false
    clearInterval(this.#timer)
    cancelAnimationFrame(this.#frame)
  }

  toggle() {
    if (this.playing) this.pause()
    else void this.play()
  }

  seek(ms: number, andPlay = false) {
    this.atMs = Math.max(0, Math.min(ms, this.durationMs))
    // Who goes out of a loop wants to be out of it.
    if (this.loop && (this.atMs < this.loop[0] || this.atMs > this.loop[1])) this.loop = null
    if (this.playing) this.#restart()
    else if (andPlay) void this.play()
  }

  setSpeed(speed: number) {
    this.speed = Math.max(SPEEDS[0], Math.min(SPEEDS.at(-1)!, speed))
    if (this.playing) this.#restart()
  }

  /** To the next speed that has a name; -1 is slower. */
  changeSpeed(by: 1 | -1) {
    const speeds = by > 0 ? SPEEDS.filter((speed) => speed > this.speed) : SPEEDS.filter((speed) => speed < this.speed).reverse()
    if (speeds[0] !== undefined) this.setSpeed(speeds[0])
  }

  setVolume(side: 0 | 1, volume: number) {
    this.volumes[side] = Math.max(0, Math.min(1, volume))
    this.#gains[side]?.gain.setTargetAtTime(this.volumes[side], this.#context!.currentTime, 0.01)
  }

  setSkipsSilence(skips: boolean) {
    this.skipsSilence = skips
    if (this.playing) this.#restart()
  }

  /** The first time where the loop begins, the second time where it ends, the third time it is over. */
  markLoop() {
    if (this.loop) this.loop = null
    else if (this.loopFrom === null) this.loopFrom = this.atMs
    else {
      this.loop = loopOf(this.loopFrom, this.atMs)
      this.loopFrom = null
      if (this.loop) this.seek(this.loop[0])
    }
    if (this.playing) this.#restart()
  }

  close() {
    this.pause()
    void this.#context?.close()
    this.#context = null
  }

  #open(): AudioContext {
    if (this.#context) return this.#context
    // At the recording's own rate pieces meet without a seam.
    const context = new AudioContext({ sampleRate: this.layout.rate, latencyHint: 'interactive' })
    this.#context = context
    this.#gains = this.volumes.map((volume) => {
      const gain = new GainNode(context, { gain: volume, channelCount: 1, channelCountMode: 'explicit' })
      gain.connect(context.destination)
      return gain
    })
    return context
  }

  #course() {
    return { durationMs: this.durationMs, silences: this.silences, skipsSilence: this.skipsSilence, loop: this.loop }
  }

  #restart() {
    this.#silence()
    this.#stretch.reset()
    this.#next = this.atMs
    this.#nextAt = 0
    this.#turn += 1
    this.#pump()
  }

  #silence() {
    for (const { node } of this.#laid) node.stop()
    this.#laid = []
  }

  #pump() {
    const context = this.#context
    if (!context || !this.playing) return
    const now = context.currentTime
    const lead = document.hidden ? AHEAD_HIDDEN_SECS : AHEAD_SECS
    while (this.#next !== null && this.#nextAt < now + lead) {
      this.#next = onward(this.#course(), this.#next)
      if (this.#next === null || !this.#isHere((STEPS * this.#stretch.hop) / this.layout.rate)) break
      this.#lay(context, now)
    }
    this.waiting = this.#next !== null && this.#nextAt <= now
    if (this.#next === null) {
      if (now >= this.#nextAt) { this.atMs = this.durationMs; this.pause() }
      return
    }
    if (!this.waiting) this.#isHere(FETCH_AHEAD_SECS)
  }

  /** Whether all is here that will be heard for so long; the first that is missing is asked for. */
  #isHere(listenedSecs: number): boolean {
    const { rate } = this.layout
    for (const [from, to] of ahead(this.#course(), this.#next!, Math.min(listenedSecs * this.speed, BLOCK_SECS) * 1000)) {
      const frames: Span = [Math.floor((from * rate) / 1000), Math.ceil((to / 1000 + MARGIN_SECS) * rate)]
      if (this.#blocks.has(...frames)) continue
      this.#fetch(...frames)
      return false
    }
    return true
  }

  #fetch(from: number, to: number) {
    if (performance.now() < this.#retryAt) return
    const turn = this.#turn
    const done = () => { if (turn === this.#turn) this.#pump() }
    this.#blocks.need(from, to).then(done, (failure: unknown) => {
      if (turn !== this.#turn) return
      this.#retryAt = performance.now() + RETRY_MS
      if (!this.waiting) return
      this.failed = true
      this.failure = failure
      this.pause()
    })
  }

  #lay(context: AudioContext, now: number) {
    const { hop } = this.#stretch
    const { rate } = this.layout
    const [left, right] = [new Float32Array(STEPS * hop), new Float32Array(STEPS * hop)]
    const from: number[] = []
    for (let step = 0; step < STEPS; step += 1) {
      const ms: number | null = onward(this.#course(), this.#next!)
      if (ms === null) { this.#next = null; break }
      from.push(ms)
      this.#stretch.step(this.#blocks, (ms * rate) / 1000, left, right, step * hop)
      this.#next = ms + ((hop * 1000) / rate) * this.speed
    }
    if (from.length === 0) return
    const at = Math.ceil(Math.max(this.#nextAt, now + START_SECS) * rate) / rate
    const buffer = context.createBuffer(2, from.length * hop, rate)
    buffer.copyToChannel(left.subarray(0, from.length * hop), 0)
    buffer.copyToChannel(right.subarray(0, from.length * hop), 1)
    const node = new AudioBufferSourceNode(context, { buffer })
    const split = new ChannelSplitterNode(context, { numberOfOutputs: 2 })
    node.connect(split)
    for (const [side, gain] of this.#gains.entries()) split.connect(gain, side)
    node.onended = () => split.disconnect()
    node.start(at)
    const secs = buffer.duration
    this.#laid.push({ node, at, secs, from })
    this.#nextAt = at + secs
  }

  /** The cursor follows what comes out of the loudspeaker. */
  #follow() {
    this.#frame = requestAnimationFrame(() => {
      const context = this.#context
      if (!context || !this.playing) return
      const heard = context.currentTime - (context.outputLatency || 0)
      while (this.#laid.length > 1 && this.#laid[0]!.at + this.#laid[0]!.secs <= heard) this.#laid.shift()
      const piece = this.#laid[0]
      if (piece && heard >= piece.at) {
        const hopSecs = this.#stretch.hop / this.layout.rate
        const step = Math.min(piece.from.length - 1, Math.floor((heard - piece.at) / hopSecs))
        const inside = Math.min(hopSecs, heard - piece.at - step * hopSecs)
        this.atMs = Math.min(this.durationMs, piece.from[step]! + inside * 1000 * this.speed)
      }
      this.#follow()
    })
  }
}
