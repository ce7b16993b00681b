// An operator's phone we did not write, in a browser: JsSIP in headless Chromium, SIP over WebSocket, DTLS-SRTP.
// Driven by `browser_phone.rs`: one JSON value a line, commands in, events and answers out. It speaks from a WAV file and
// keeps what the page's loudspeaker would play, at 8 kHz.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const web = createRequire(join(here, '../../../web/package.json'))
const { chromium } = web('playwright-core')
const { rolldown } = await import(pathToFileURL(web.resolve('rolldown')))

/** page: any page of the service; speech: 16-bit PCM WAV; codecs: names in order of preference, or none. */
const setup = JSON.parse(process.argv[2])
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)

async function bundle() {
  const made = await rolldown({ input: join(here, 'page.js'), resolve: { modules: [join(here, '../../../web/node_modules')] } })
  const { output } = await made.generate({ format: 'iife' })
  return output[0].code
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${setup.speech}`,
    '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
  ],
})
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
