// The operator's desk in headless Chromium, with the phone in the page: the built pages of the service, its own content
// policy, its own SIP socket. Driven by `desk_page.rs` and `desk_consult.rs`; what it does is what an operator's hands do. It speaks from a WAV
// file, and keeps what the page plays (`ears.js`).
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { AUTOPLAY, WAIT_MS, launch, obey } from '../chromium.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** service: its address; user, password: of the operator; speech: 16-bit PCM WAV. */
const setup = JSON.parse(process.argv[2])

const browser = await launch(setup.speech, AUTOPLAY)
const context = await browser.newContext({ locale: 'en', viewport: { width: 1440, height: 900 } })
await context.addInitScript({ path: join(here, 'ears.js') })
let page
/** Complaints of the console, the service's 401 before signing in apart. */
const complaints = []

const commands = {
  async open() {
    page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      const text = message.text()
      if (message.type() === 'error' && !/401|WebSocket|ERR_CONNECTION/.test(text)) complaints.push(text)
    })
    await page.goto(`${setup.service}/desk`)
  },
  async signIn() {
    await page.fill('#user', setup.user)
    await page.fill('#password', setup.password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/desk')
  },
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text }) => page.keyboard.type(text),
  click: ({ selector }) => page.click(selector),
  sees: async ({ selector }) => { await page.waitForSelector(selector) },
  shows: ({ selector }) => page.isVisible(selector),
  listenAnew: () => page.evaluate(() => window.ears.listenAnew()),
  heard: () => page.evaluate(() => window.ears.heard()),
  cutSocket: () => page.evaluate(() => window.ears.cutSocket()),
  leave: () => page.close({ runBeforeUnload: true }),
  complaints: () => complaints,
  shoot: ({ path }) => page.screenshot({ path }),
}

await obey(commands)
await browser.close()
