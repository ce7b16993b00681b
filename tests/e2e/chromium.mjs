// What every script has in common that drives headless Chromium for a test: the browser, whose microphones hear a WAV file,
// and the conversation with the test (`node_script.rs`), one JSON value a line.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

/** Of what the pages are built with. */
export const web = createRequire(new URL('../../web/package.json', import.meta.url))
export const WAIT_MS = 25_000

/** For pages that play sound before anybody has touched them. */
export const AUTOPLAY = '--autoplay-policy=no-user-gesture-required'

/** `speech`: 16-bit PCM WAV, what every microphone hears. */
export function launch(speech, ...more) {
  return web('playwright-core').chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${speech}`,
      '--allow-loopback-in-peer-connection', ...more,
    ],
  })
}

/** To the test: an event, or an answer. */
export const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)

/** Does what the test commands, until it ends. */
export async function obey(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, id, ...rest } = JSON.parse(line)
    try {
      say({ id, answer: (await commands[command](rest)) ?? null })
    } catch (error) {
      say({ id, error: String(error) })
    }
  }
}
