// Microphone and speakers: opening one, trying one, and the ring. Sound of calls is the phone's own business.
import { recall, remember } from '../stored'
import type { Devices, Trouble } from './phone'

/** The devices chosen in this browser. */
export const chosenDevices = (): Devices => ({ microphone: recall('microphone') ?? '', speaker: recall('speaker') ?? '' })

export function chooseDevices(devices: Devices) {
  remember('microphone', devices.microphone)
  remember('speaker', devices.speaker)
}

/** In the words of getUserMedia's errors; a browser without it counts as refused, because the page is not on https. */
export function troubleOf(error: unknown): Trouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  return 'refused'
}

/** Opens the chosen microphone; one that is gone is replaced by the browser's choice. */
export async function openMicrophone(id: string): Promise<MediaStream> {
  const open = (audio: MediaTrackConstraints | true) => navigator.mediaDevices.getUserMedia({ audio })
  if (!id) return open(true)
  try {
    return await open({ deviceId: { exact: id } })
  } catch (error) {
    if (troubleOf(error) !== 'missing') throw error
    return open(true)
  }
}

export const close = (stream: MediaStream | null | undefined) => stream?.getTracks().forEach((track) => track.stop())

/** Where a browser lets the page choose the speaker, and it still exists. */
export async function playOn(target: HTMLMediaElement | AudioContext, speaker: string) {
  const choosing = target as { setSinkId?: (id: string) => Promise<void> }
  await choosing.setSinkId?.(speaker).catch(() => choosing.setSinkId?.('')?.catch(() => {}))
}

/** Whether the page may choose the speaker here. */
export const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype

export async function listDevices(kind: 'audioinput' | 'audiooutput'): Promise<MediaDeviceInfo[]> {
  const all = await navigator.mediaDevices.enumerateDevices()
  return all.filter((device) => device.kind === kind && device.deviceId !== '')
}

/** Loudness of a stream, 0 to 1, whenever asked. */
export class Meter {
  #context = new AudioContext()
  #ear = this.#context.createAnalyser()
  #samples = new Float32Array(this.#ear.fftSize)

  constructor(stream: MediaStream) {
    this.#context.createMediaStreamSource(stream).connect(this.#ear)
  }

  /** Decibels are how loudness is felt: -60 dB and less is 0, full scale is 1. */
  level(): number {
    this.#ear.getFloatTimeDomainData(this.#samples)
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length
    return Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-12) / 6))
  }

  close() {
    void this.#context.close()
  }
}

/** Hz and length of the tone by which one hears that the speaker works. */
const TEST_TONE = { hertz: 660, secs: 1.2 }

export async function playTestTone(speaker: string): Promise<void> {
  const context = new AudioContext()
  await playOn(context, speaker)
  const ended = beep(context, TEST_TONE.hertz, 0, TEST_TONE.secs)
  await ended
  await context.close()
}

function beep(context: AudioContext, hertz: number, inSecs: number, secs: number): Promise<void> {
  const [tone, volume] = [context.createOscillator(), context.createGain()]
  tone.frequency.value = hertz
  const from = context.currentTime + inSecs
  // Faded in and out: a tone that is cut clicks.
  volume.gain.setValueAtTime(0, from)
  volume.gain.linearRampToValueAtTime(0.3, from + 0.03)
  volume.gain.setValueAtTime(0.3, from + secs - 0.06)
  volume.gain.linearRampToValueAtTime(0, from + secs)
  tone.connect(volume).connect(context.destination)
  tone.start(from)
  tone.stop(from + secs)
  return new Promise((resolve) => { tone.onended = () => resolve() })
}

/** One ring every so often, milliseconds. */
const RING_EVERY_MS = 2500

/** Rings until told to stop. Returns how to stop it. */
export function ring(speaker: string): () => void {
  const context = new AudioContext()
  void playOn(context, speaker)
  const once = () => { void beep(context, 480, 0, 0.35); void beep(context, 600, 0.4, 0.35) }
  once()
  const timer = setInterval(once, RING_EVERY_MS)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}

/** Hz of two short tones, falling: somebody has left. */
const SIGN = [620, 440]

/** Once, quieter than words: it sounds while somebody may be talking. */
export function sign(speaker: string) {
  const context = new AudioContext()
  void playOn(context, speaker)
  void Promise.all(SIGN.map((hertz, i) => beep(context, hertz, i * 0.2, 0.18))).then(() => context.close())
}
