// The citizen's page in headless Chromium: the built pages of the service, its own content policy, its own SIP socket.
// Driven by `web_call.rs`; what it does is what a citizen's hands do. It speaks from a WAV file, keeps what the page plays
// (`ears.js` of the desk), and knows what of a call is still running.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const { chromium } = createRequire(join(here, '../../../web/package.json'))('playwright-core')

/** service: its address; speech: 16-bit PCM WAV. */
const setup = JSON.parse(process.argv[2])
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
const WAIT_MS = 25_000

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${setup.speech}`,
    '--allow-loopback-in-peer-connection',
  ],
})
const context = await browser.newContext({ locale: 'en', viewport: { width: 390, height: 844 }, hasTouch: true })
await context.addInitScript({ path: join(here, '../desk_page/ears.js') })
await context.addInitScript(() => {
  const [sockets, connections, tracks] = [[], [], []]
  const media = navigator.mediaDevices
  const open = media.getUserMedia.bind(media)
  media.getUserMedia = async (wanted) => {
    const stream = await open(wanted)
    tracks.push(...stream.getTracks())
    return stream
  }
  window.WebSocket = class extends WebSocket { constructor(...given) { super(...given); sockets.push(this) } }
  window.RTCPeerConnection = class extends RTCPeerConnection { constructor(...given) { super(...given); connections.push(this) } }
  window.running = () => ({
    began: [sockets.length, connections.length, tracks.length],
    sockets: sockets.filter((socket) => socket.readyState < WebSocket.CLOSED).length,
    connections: connections.filter((connection) => connection.connectionState !== 'closed').length,
    tracks: tracks.filter((track) => track.readyState === 'live').length,
  })
})
const page = await context.newPage()
page.setDefaultTimeout(WAIT_MS)
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })

const commands = {
  open: async () => { await page.goto(setup.service); await page.waitForLoadState('networkidle') },
  press: ({ key }) => page.keyboard.press(key),
  click: ({ selector }) => page.click(selector),
  fill: ({ selector, text }) => page.fill(selector, text),
  sees: async ({ selector }) => { await page.waitForSelector(selector) },
  text: ({ selector }) => page.textContent(selector),
  count: ({ selector }) => page.locator(selector).count(),
  running: () => page.evaluate(() => window.running()),
  listenAnew: () => page.evaluate(() => window.ears.listenAnew()),
  heard: () => page.evaluate(() => window.ears.heard()),
  complaints: () => complaints,
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, id, ...rest } = JSON.parse(line)
  try {
    say({ id, answer: (await commands[command](rest)) ?? null })
  } catch (error) {
    say({ id, error: String(error) })
  }
}
await browser.close()
