// Several people at once in headless Chromium, each with pages and cookies of their own: the built pages of the service, its
// own content policy. Driven by `loop_page.rs`; what it does is what their hands do, and it sees what they see.
import { AUTOPLAY, WAIT_MS, launch, obey } from '../chromium.mjs'

/** service: its address; speech: 16-bit PCM WAV, what every microphone hears. */
const setup = JSON.parse(process.argv[2])
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

const browser = await launch(setup.speech, AUTOPLAY)
/** Pages by the name of who sits before them. */
const pages = new Map()
/** Complaints of the consoles, the service's 401 before signing in apart. */
const complaints = []

const commands = {
  /** Opens `path`, where the service asks them to sign in. */
  async enter({ who, path, size, password }) {
    const phone = size === 'phone'
    const context = await browser.newContext({ locale: 'en', viewport: SIZES[size], isMobile: phone, hasTouch: phone })
    const page = await context.newPage()
    pages.set(who, page)
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', (error) => complaints.push(`${who}: ${error}`))
    page.on('console', (message) => {
      const text = message.text()
      if (message.type() === 'error' && !/401|WebSocket|ERR_CONNECTION/.test(text)) complaints.push(`${who}: ${text}`)
    })
    await page.goto(`${setup.service}${path}`)
    if (!password) return
    await page.fill('#user', who)
    await page.fill('#password', password)
    await page.keyboard.press('Enter')
    await page.waitForURL(`**${path}`)
  },
  click: ({ who, selector }) => pages.get(who).click(selector),
  press: ({ who, text }) => pages.get(who).keyboard.press(text),
  fill: ({ who, selector, text }) => pages.get(who).fill(selector, text),
  sees: async ({ who, selector }) => { await pages.get(who).waitForSelector(selector) },
  count: ({ who, selector }) => pages.get(who).locator(selector).count(),
  text: ({ who, selector }) => pages.get(who).textContent(selector),
  /** What a camera took, base64. */
  photo: ({ who, selector, name, bytes }) =>
    pages.get(who).setInputFiles(selector, { name, mimeType: 'image/jpeg', buffer: Buffer.from(bytes, 'base64') }),
  reload: async ({ who }) => { await pages.get(who).reload() },
  play: async ({ who }) => { await pages.get(who).evaluate(() => document.querySelector('audio').play()) },
  /** Waits until the page plays sound later than `text` seconds; where it is then. */
  plays: async ({ who, text }) => {
    const handle = await pages.get(who).waitForFunction((from) => {
      // The citizen's page has the browser's own player, the auditor's one of ours.
      const audio = document.querySelector('audio')
      const playing = audio ? !audio.paused : document.querySelector('.player .playing') !== null
      const at = audio?.currentTime ?? Number(document.querySelector('.player [role=slider]')?.getAttribute('aria-valuenow'))
      return playing && at >= from ? at : null
    }, Number(text))
    return handle.jsonValue()
  },
  leave: ({ who }) => pages.get(who).close({ runBeforeUnload: true }),
  complaints: () => complaints,
  shoot: async ({ who, text }) => { await pages.get(who).screenshot({ path: text, fullPage: true }) },
}

await obey(commands)
await browser.close()
