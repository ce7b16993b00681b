// An operator's phone we did not write, in a browser: JsSIP in headless Chromium, SIP over WebSocket, DTLS-SRTP.
// Driven by `browser_phone.rs`: one JSON value a line, commands in, events and answers out. It speaks from a WAV file and
// keeps what the page's loudspeaker would play, at 8 kHz.
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { AUTOPLAY, launch, say, web } from '../chromium.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const { rolldown } = await import(pathToFileURL(web.resolve('rolldown')))

/** page: any page of the service; speech: 16-bit PCM WAV; codecs: names in order of preference, or none. */
const setup = JSON.parse(process.argv[2])

async function bundle() {
  const made = await rolldown({ input: join(here, 'page.js'), resolve: { modules: [join(here, '../../../web/node_modules')] } })
  const { output } = await made.generate({ format: 'iife' })
  return output[0].code
}

const browser = await launch(setup.speech, AUTOPLAY)
const context = await browser.newContext({ bypassCSP: true })
const page = await context.newPage()
page.on('pageerror', (error) => say({ event: 'error', text: String(error) }))
page.on('console', (message) => process.stderr.write(`${message.text()}\n`))
await page.exposeFunction('say', say)
await page.goto(setup.page)
await page.addScriptTag({ content: await bundle() })
await page.evaluate((setup) => window.phone.start(setup), setup)

for await (const line of createInterface({ input: process.stdin })) {
  const { command, id } = JSON.parse(line)
  try {
    say({ id, answer: await page.evaluate((command) => window.phone[command](), command) ?? null })
  } catch (error) {
    say({ id, error: String(error) })
  }
}
await browser.close()
