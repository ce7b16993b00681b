// Made-up evidence photos (PNG) and recordings (WAV), drawn and sung by the code below.
import { deflateSync, crc32 } from 'node:zlib'
import { RECORDING_SECS } from './city.ts'

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'ascii'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body) >>> 0, body.length + 4)
  return out
}

/** A street in a few flat shapes: before, with a puddle; after, without. */
export function photo(after: boolean): Buffer {
  const [width, height] = [480, 360]
  const raw = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let colour = y < 150 ? [150 + y / 3, 185 + y / 5, 215] : [112 + (y % 7), 112 + (x % 5), 114]
      if (y > 60 && y < 190 && x % 120 < 96) colour = (y % 36 < 20 && x % 24 < 13) ? [82, 104, 120] : [196 - x / 12, 168 - x / 16, 138]
      if (y > 190 && y < 206) colour = [178, 176, 170]
      const puddle = ((x - 250) / 150) ** 2 + ((y - 285) / 44) ** 2
      if (!after && puddle < 1) colour = [70 + 40 * puddle, 110 + 40 * puddle, 140 + 40 * puddle]
      if (after && Math.abs(x - 250) < 90 && Math.abs(y - 285) < 34) colour = [62 + (x % 4), 62 + (y % 4), 66]
      raw.set(colour.map(Math.round), y * (width * 3 + 1) + 1 + x * 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]), chunk('IHDR', header), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))])
}

/** How loud a side is at a second: the city prompts first, then both talk in turns. */
export function loudness(side: 0 | 1, second: number): number {
  const syllable = 0.55 + 0.45 * Math.sin(second * 9.1 + side * 2) * Math.sin(second * 2.3 + side)
  const cityTalks = second < 17 ? second % 6.5 < 5.2 : second < 31 ? true : (second * 0.13 + 0.2) % 1 < 0.45
  const talks = side === 1 ? cityTalks : second > 31 && !cityTalks
  if (second > SILENCE_SECS[0] - 0.25 && second < SILENCE_SECS[1] + 0.25) return 0.002
  if (second > 61.24 && second < 61.72) return 0
  if (side === 1 && second > 17 && second < 31) return 0.16 + 0.05 * Math.sin(second * 3)
  return talks ? Math.abs(syllable) * 0.8 : 0.012
}

/** Where nobody speaks, ms: the operator looks something up. */
const SILENCE_SECS = [64, 72] as const
export const SILENCES = [SILENCE_SECS.map((second) => second * 1000)]

export function peaks(bins: number): number[][] {
  return ([0, 1] as const).map((side) => Array.from({ length: bins }, (_, i) => Math.round(loudness(side, (i / bins) * RECORDING_SECS) * 1000) / 1000))
}

let wav: Buffer | null = null
export function recording(): Buffer {
  if (wav) return wav
  const rate = 8000
  const frames = rate * RECORDING_SECS
  wav = Buffer.alloc(44 + frames * 4)
  wav.write('RIFF', 0); wav.writeUInt32LE(36 + frames * 4, 4); wav.write('WAVEfmt ', 8); wav.writeUInt32LE(16, 16); wav.writeUInt16LE(1, 20); wav.writeUInt16LE(2, 22)
  wav.writeUInt32LE(rate, 24); wav.writeUInt32LE(rate * 4, 28); wav.writeUInt16LE(4, 32); wav.writeUInt16LE(16, 34); wav.write('data', 36); wav.writeUInt32LE(frames * 4, 40)
  for (let i = 0; i < frames; i += 1) {
    for (const side of [0, 1] as const) {
      const value = Math.sin((i / rate) * Math.PI * 2 * (side === 0 ? 220 : 330)) * loudness(side, i / rate) * 9000
      wav.writeInt16LE(Math.round(value), 44 + i * 4 + side * 2)
    }
  }
  return wav
}
