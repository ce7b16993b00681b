// The auditor in headless Chromium: the built pages of the service, its own content policy. Driven by `audit_page.rs`; what
// it does is what an auditor's hands do, and it tells what is seen and heard.
import { fileURLToPath } from 'node:url'
import { AUTOPLAY, WAIT_MS, launch, obey } from '../chromium.mjs'

/** service: its address; speech: 16-bit PCM WAV, which nobody hears here. */
const setup = JSON.parse(process.argv[2])

const browser = await launch(setup.speech, AUTOPLAY)
const context = await browser.newContext({ locale: 'en', viewport: { width: 1440, height: 900 } })
await context.addInitScript({ path: fileURLToPath(new URL('ears.js', import.meta.url)) })
const page = await context.newPage()
page.setDefaultTimeout(WAIT_MS)
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => {
  if (message.type() === 'error' && !/401|WebSocket|ERR_CONNECTION/.test(message.text())) complaints.push(message.text())
})

await obey({
  async enter({ user, password }) {
    await page.goto(`${setup.service}/audit`)
    await page.fill('#user', user)
    await page.fill('#password', password)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/audit')
  },
  click: ({ selector }) => page.click(selector),
  press: ({ key }) => page.keyboard.press(key),
  fill: ({ selector, text }) => page.fill(selector, text),
  sees: async ({ selector }) => { await page.waitForSelector(selector) },
  /** Milliseconds from choosing a call until its sound can be played. */
  async opens({ selector, until }) {
    const began = Date.now()
    await page.click(selector)
    await page.waitForSelector(until)
    return Date.now() - began
  },
  listenAnew: () => page.evaluate(() => window.ears.listenAnew()),
  heard: () => page.evaluate(() => window.ears.heard()),
  delay: () => page.evaluate(() => window.ears.delayMs()),
  shoot: async ({ path }) => { await page.screenshot({ path, fullPage: true }) },
  complaints: () => complaints,
})
await browser.close()
