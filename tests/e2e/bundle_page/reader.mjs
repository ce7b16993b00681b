// Somebody outside in headless Chromium, with the page of an unpacked bundle from the disk: no service, no network. Driven by
// `disclosure.rs`; it clicks events and tells how soon and where sound begins.
import { pathToFileURL } from 'node:url'
import { AUTOPLAY, WAIT_MS, launch, obey } from '../chromium.mjs'

/** folder: the bundle; speech: 16-bit PCM WAV, which nobody hears here. */
const setup = JSON.parse(process.argv[2])

const browser = await launch(setup.speech, AUTOPLAY)
const context = await browser.newContext({ locale: 'en', viewport: { width: 1200, height: 900 } })
const page = await context.newPage()
page.setDefaultTimeout(WAIT_MS)
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()) })
page.on('request', (request) => { if (!request.url().startsWith('file:')) complaints.push(`asked ${request.url()}`) })
await page.goto(pathToFileURL(`${setup.folder}/index.html`).href)

await obey({
  events: () => page.locator('#history button').count(),
  title: () => page.textContent('h1'),
  /** Clicks an event; milliseconds until sound moves, and where it then is against the event, the time since taken off. */
  hear: ({ nth }) => page.evaluate((nth) => new Promise((resolve, reject) => {
    const button = document.querySelectorAll('#history button')[nth]
    const event = events.find((one) => one.button === button)
    audio.pause()
    const began = performance.now()
    const late = setTimeout(() => reject(new Error(`no sound from event ${nth}`)), 5000)
    button.click()
    let first = null
    const look = () => {
      const at = audio.currentTime * 1000
      if (audio.ended) {
        clearTimeout(late)
        return resolve({ waited: performance.now() - began, off: Math.abs((first ?? at) - event.offset) })
      }
      if (audio.seeking || audio.paused || audio.readyState < 3) return requestAnimationFrame(look)
      if (first === null) first = at
      // It has begun when it moves on.
      if (at <= first && event.offset < event.sound.ms - 300) return requestAnimationFrame(look)
      clearTimeout(late)
      resolve({ waited: performance.now() - began, off: Math.abs(first - event.offset) })
    }
    requestAnimationFrame(look)
  }), nth),
  press: ({ key }) => page.keyboard.press(key),
  state: () => page.evaluate(() => ({ paused: audio.paused, at: place() })),
  shoot: async ({ path, width }) => {
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path, fullPage: true })
  },
  complaints: () => complaints,
})
await browser.close()
