// The desk with the phone in the page: choosing it, trying the sound, the call by keys and by clicks, one tab only, keys
// changed. The phone itself is a fake behind the interface; the real one calls in tests/e2e/desk_page.rs.
import { readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, SIZES, stage, visit } from './browser'

stage()

interface FakePhone { did: string[], ring: (from: string) => void, line: (line: string) => void, trouble: (trouble: string) => void }
const FAKE = readFileSync('tests/pages/fake-phone.js', 'utf8')

const fake = <T>(page: Page, act: (phone: FakePhone) => T) => page.evaluate(`(${act})(window.fakePhone)`) as Promise<T>
const did = (page: Page) => fake(page, (phone) => phone.did)

async function serveFake(context: BrowserContext) {
  await context.route('**/assets/jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
}

/** The desk of an operator whom nobody calls yet, with the phone in the page and the sound tried. */
async function deskWithPhone(lang = 'en', size: keyof typeof SIZES = 'desk', dark = false) {
  mock.api.live.calls = mock.api.live.calls.filter((call) => call.operator !== 'u-1')
  Object.assign(mock.api.live.operators[0]!, { status: 'ready', contact: undefined })
  const visited = await visit('/desk', { lang, size, dark, user: 'operator' })
  await serveFake(visited.page.context())
  await visited.page.locator('.places button').first().click()
  await visited.page.locator('dialog .bar').waitFor()
  return visited
}

/** The citizen of the invented city is put through to the operator. */
async function rings(page: Page) {
  mock.api.live.calls.unshift({ id: 'l-1', caller: '+380445550118', phase: 'ringing', since: Date.now() * 1000, answered_at: null, language: 'uk', topic: 'water', ivr_path: ['language', 'topics'], queue: 'city', position: null, operator: 'u-1', case: '2026-01-000418', on_hold: false })
  Object.assign(mock.api.live.operators[0]!, { status: 'offered', contact: 'l-1' })
  mock.api.changed()
  await fake(page, (phone) => phone.ring('+380445550118'))
}

function talks() {
  Object.assign(mock.api.live.calls[0]!, { phase: 'talking', since: Date.now() * 1000 })
  Object.assign(mock.api.live.operators[0]!, { status: 'talking' })
  mock.api.changed()
}

it('costs the first paint of the desk no more than 130 kB of script', () => {
  const html = readFileSync('dist/index.html', 'utf8')
  const first = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((found) => found[1]!)
  // The page itself, and the texts of one language: the longest.
  const bytes = (file: string) => gzipSync(readFileSync(`dist${file}`)).length
  const built = readdirSync('dist/assets').map((file) => `/assets/${file}`)
  const texts = built.filter((file) => /\/(uk|en|lt|pl|ru|he)-[^/]+\.js$/.test(file)).sort((a, b) => bytes(b) - bytes(a))
  expect(texts.length).toBe(6)
  first.push(texts[0]!, built.find((file) => /\/Desk-[^/]+\.js$/.test(file))!)
  // What these import themselves comes before the first paint, too; `import()` does not.
  for (let i = 0; i < first.length; i += 1) {
    const text = readFileSync(`dist${first[i]}`, 'utf8')
    for (const [, name] of text.matchAll(/(?:^|[;}])import(?:[^'"()]*from)?["']\.\/([^"']+\.js)["']/g)) if (!first.includes(`/assets/${name}`)) first.push(`/assets/${name}`)
  }
  expect(first.length).toBeGreaterThan(0)
  const size = first.reduce((sum, file) => sum + bytes(file), 0)
  expect(size / 1000).toBeLessThanOrEqual(130)
  const jssip = readdirSync('dist/assets').find((file) => /^jssip-.*\.js$/.test(file))
  expect(jssip).toBeDefined()
  expect(first).not.toContain(`/assets/${jssip}`)
})

describe('the phone in the page', () => {
  it('is fetched when it is chosen and remembered afterwards', async () => {
    const { page, complaints } = await visit('/desk', { lang: 'en', user: 'quiet' })
    const scripts: string[] = []
    page.on('request', (request) => { if (request.url().includes('jssip')) scripts.push(request.url()) })
    await serveFake(page.context())
    await page.reload()
    await page.waitForSelector('.tag:has-text("Live")')
    expect([scripts, asked('GET', '/operators/me/phone')]).toEqual([[], []])
    await page.click('button:has-text("In this page")')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.phone .tag.good:has-text("ready")')
    expect(await did(page)).toEqual(['start 102'])
    await page.reload()
    await page.waitForSelector('.phone .tag.good:has-text("ready")')
    await page.click('button:has-text("My own phone")')
    await page.waitForSelector('.phone .tag:has-text("registered")')
    expect(await did(page)).toEqual(['start 102', 'stop'])
    expect(scripts.length).toBe(2)
    expect(complaints).toEqual([])
  })

  it('takes, mutes, holds and ends a call by keys, and shows how it sounds', async () => {
    const { page, complaints } = await deskWithPhone()
    await page.click('dialog button:has-text("All is heard")')
    await rings(page)
    await page.waitForSelector('.call.ringing:has-text("+380 44 555 01 18")')
    // The cursor is in a field of the case, as it will be.
    await page.focus('#description')
    await page.keyboard.press('F9')
    talks()
    await page.waitForSelector('.controls')
    await page.keyboard.press('F3')
    await page.waitForSelector('.controls [aria-pressed=true]:has-text("Muted")')
    await page.keyboard.press('F6')
    await page.waitForSelector('.controls [aria-pressed=true]:has-text("On hold")')
    await page.keyboard.press('F6')
    await page.keyboard.press('F3')
    await page.waitForSelector('.quality:has-text("Loss 3.8 %, at the other end 1 %, round trip 64 ms") .tag.warn:has-text("Fair line")')
    await page.click('button:has-text("Keypad")')
    for (const digit of ['1', '5', '#']) await page.click(`.keypad button:text-is("${digit}")`)
    await page.waitForSelector('.keypad output:has-text("15#")')
    await page.keyboard.press('F8')
    expect(await did(page)).toEqual(['start 101', 'answer', 'mute true', 'talkTo nobody', 'talkTo caller', 'mute false', 'press 1', 'press 5', 'press #', 'hangUp'])
    expect(asked('POST', '/calls/l-1/hangup')).toEqual([])
    expect(complaints).toEqual([])
  })

  it('declines by F8 and by click', async () => {
    const { page } = await deskWithPhone()
    await page.keyboard.press('Escape')
    await rings(page)
    await page.waitForSelector('button:has-text("Decline")')
    await page.keyboard.press('F8')
    await fake(page, (phone) => phone.ring('102'))
    await page.click('button:has-text("Decline")')
    expect(await did(page)).toEqual(['start 101', 'decline', 'decline'])
  })

  it('passes a call on to a colleague who is ready', async () => {
    const { page } = await deskWithPhone()
    await page.keyboard.press('Escape')
    await rings(page)
    await page.click('button:has-text("Answer")')
    talks()
    await page.click('button:has-text("Transfer")')
    const colleague = mock.api.live.operators.find((operator) => operator.status === 'ready')!
    await page.click(`dialog button:has-text("${colleague.name}")`)
    await page.waitForSelector('dialog', { state: 'detached' })
    expect(asked('POST', '/calls/l-1/transfer').map((item) => item.body)).toEqual([{ target: colleague.extension }])
  })

  it('says in words what is wrong', async () => {
    const { page } = await deskWithPhone()
    await page.keyboard.press('Escape')
    await fake(page, (phone) => phone.trouble('busy'))
    await page.waitForSelector('[role=alert]:has-text("Another program uses the microphone")')
    await fake(page, (phone) => phone.line('lost'))
    await page.waitForSelector('.phone .tag.warn:has-text("coming back")')
    await fake(page, (phone) => phone.line('failed'))
    await page.waitForSelector('[role=alert]:has-text("does not accept this phone")')
    await page.click('button:has-text("Try again")')
    await page.waitForSelector('.phone .tag.good:has-text("ready")')
  })

  it('belongs to one tab, and is taken over by another', async () => {
    const { page } = await deskWithPhone()
    await page.keyboard.press('Escape')
    const other = await page.context().newPage()
    await other.goto(`${mock.url}/desk`)
    await other.waitForSelector('.notice:has-text("The phone is in another tab")')
    await other.click('button:has-text("Take over here")')
    await other.waitForSelector('.phone .tag.good:has-text("ready")')
    await page.waitForSelector('.notice:has-text("The phone is in another tab")')
    expect(await did(page)).toEqual(['start 101', 'stop'])
    await other.close()
    await page.waitForSelector('.phone .tag.good:has-text("ready")')
  })
})

describe('the sound check', () => {
  it('hears the microphone, plays a tone, and explains a refusal', async () => {
    const { page, complaints } = await deskWithPhone()
    await page.waitForSelector('dialog [role=status]:has-text("You are heard")')
    const labels = await page.$$eval('dialog select', (selects) => selects.map((select) => (select as HTMLSelectElement).options.length))
    expect(labels.every((count) => count > 1)).toBe(true)
    await page.selectOption('dialog select >> nth=0', { index: 1 })
    await page.waitForSelector('dialog [role=status]:has-text("You are heard")')
    await page.click('dialog button:has-text("Play a tone")')
    await page.waitForSelector('dialog button:has-text("Play a tone"):not(:disabled)')
    await page.click('dialog button:has-text("All is heard")')
    expect(await page.locator('text=Check the sound before').count()).toBe(0)
    expect((await did(page)).some((item) => item.startsWith('use {"microphone":"') && !item.includes('"microphone":""'))).toBe(true)
    // From now on the browser refuses.
    await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('denied', 'NotAllowedError')) })
    await page.click('button:has-text("Check the sound")')
    await page.waitForSelector('dialog [role=alert]:has-text("does not let us use the microphone")')
    expect(complaints).toEqual([])
  })
})

describe('the keys', () => {
  it('can be changed, refuse conflicts, are remembered and come back', async () => {
    const { page } = await deskWithPhone()
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    const mute = page.locator('dialog dl > div', { hasText: 'mute and unmute' }).locator('button')
    await mute.click()
    await page.keyboard.press('F8')
    await page.waitForSelector('dialog [role=status]:has-text("is taken: hang up or decline")')
    await page.keyboard.press('m')
    await page.waitForSelector('dialog [role=status]:has-text("is needed by the browser")')
    await page.keyboard.press('Alt+7')
    await page.waitForSelector('dialog dl button:has-text("Alt+7")')
    await page.reload()
    await page.waitForSelector('.phone .tag.good:has-text("ready")')
    await rings(page)
    await page.keyboard.press('F9')
    talks()
    await page.keyboard.press('F3')
    await page.keyboard.press('Alt+7')
    await page.waitForSelector('.controls kbd:has-text("Alt+7")')
    expect((await did(page)).slice(1)).toEqual(['answer', 'mute true'])
    await page.keyboard.press('?')
    await page.click('dialog button:has-text("Back to the usual keys")')
    await page.waitForSelector('dialog dl button:has-text("F3")')
  })
})

/** Seven pictures, each searched for what is hard to use. */
const LOOKING_MS = 180_000

/** Pixels that the call's column is wider than its place. */
const columnOverflow = (page: Page) => page.locator('.column').first().evaluate((column) => column.scrollWidth - column.clientWidth)

describe('looks right', () => {
  it('in the dark', async () => {
    const visited = await deskWithPhone('en', 'desk', true)
    const { page } = visited
    await page.keyboard.press('Escape')
    await rings(page)
    await page.locator('.take').waitFor()
    await page.screenshot({ path: 'screenshots/phone-ringing.en.dark.png' })
    await expectSound(visited)
    await page.locator('.take').click()
    talks()
    await page.keyboard.press('F3')
    await page.locator('.quality .tag.warn').waitFor()
    await page.screenshot({ path: 'screenshots/phone-talking.en.dark.png' })
    await expectSound(visited)
    await visited.close()
  }, LOOKING_MS)

  for (const [lang, size] of [['uk', 'desk'], ['uk', 'phone'], ['he', 'desk'], ['he', 'phone']] as const) {
    it(`${lang} ${size}`, async () => {
      const visited = await deskWithPhone(lang, size)
      const { page } = visited
      const shoot = async (name: string) => {
        expect(await columnOverflow(page), name).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `screenshots/phone-${name}.${lang}.${size}.png`, fullPage: size === 'phone' })
        await expectSound(visited)
      }
      await page.locator('dialog .yes').waitFor()
      await shoot('sound')
      await page.keyboard.press('Escape')
      await shoot('ready')
      await rings(page)
      await page.locator('.take').waitFor()
      await shoot('ringing')
      await page.locator('.take').click()
      talks()
      await page.locator('.controls button').nth(2).click()
      await page.locator('.quality .tag.warn').waitFor()
      await shoot('talking')
      if (size === 'desk') {
        // The narrowest screen that still has three columns.
        await page.setViewportSize({ width: 1000, height: 800 })
        expect(await columnOverflow(page)).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `screenshots/phone-talking.${lang}.narrow.png` })
        await page.setViewportSize(SIZES.desk)
      }
      await page.locator('.controls button').nth(3).click()
      await page.locator('dialog .choice').first().waitFor()
      await shoot('transfer')
      await page.keyboard.press('Escape')
      await page.keyboard.press('?')
      await page.locator('dialog dl').waitFor()
      await shoot('keys')
      await page.keyboard.press('Escape')
      const other = await page.context().newPage()
      await other.goto(`${mock.url}/desk`)
      await other.locator('.notice.warn').waitFor()
      await other.evaluate(() => document.fonts.ready)
      await other.screenshot({ path: `screenshots/phone-elsewhere.${lang}.${size}.png`, fullPage: size === 'phone' })
      await expectSound({ ...visited, page: other })
      await visited.close()
    }, LOOKING_MS)
  }
})
