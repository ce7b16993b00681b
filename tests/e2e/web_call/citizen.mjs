// The citizen's page in headless Chromium: the built pages of the service, its own content policy, its own SIP socket.
// Driven by `web_call.rs`; what it does is what a citizen's hands do. It speaks from a WAV file, keeps what the page plays
// (`ears.js` of the desk), and knows what of a call is still running.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { WAIT_MS, launch, obey } from '../chromium.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** service: its address; speech: 16-bit PCM WAV. */
const setup = JSON.parse(process.argv[2])

const browser = await launch(setup.speech)
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

await obey(commands)
await browser.close()
