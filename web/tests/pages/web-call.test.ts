// The citizen's call from the page: what is said before it, the call by touch and by keys, how it ends and fails. The phone
// is a fake behind the interface; the real one calls in tests/e2e/web_call.rs.
import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { expectSound, mock, type SIZES, stage, visit } from './browser'

stage()

interface FakeGuest { did: string[], microphone: MediaStream | null, answer: () => void, end: () => void, fail: (why: string) => void }
const FAKE = readFileSync('tests/pages/fake-guest-phone.js', 'utf8')

const fake = <T>(page: Page, act: (guest: FakeGuest) => T) => page.evaluate(`(${act})(window.fakeGuest)`) as Promise<T>
const did = (page: Page) => fake(page, (guest) => guest.did)
const passes = () => mock.api.asked.filter((item) => item.method === 'POST' && item.url === '/api/v1/web-calls').map((item) => item.body)
/** Three visits, five pictures. */
const LOOKS_MS = 120_000
const OPEN = 'button.here'
const CALL = '.web-call form button[type=submit]'
const HANG_UP = '.web-call button.bad'
const TITLE = '.web-call h2'

async function serveFake(context: BrowserContext) {
  await context.route('**/assets/guest-jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
}

const citizen = (lang = 'en', size: keyof typeof SIZES = 'phone', dark = false) => visit('/', { lang, size, dark, prepare: serveFake })

/** As far as the city's answer. */
async function answered(lang = 'en', size: keyof typeof SIZES = 'phone', dark = false) {
  const visited = await citizen(lang, size, dark)
  await visited.page.click(OPEN)
  await visited.page.click(CALL)
  await placed(visited.page)
  await fake(visited.page, (guest) => guest.answer())
  await visited.page.waitForSelector('.keys')
  return visited
}

/** By the debugger: the page's own content policy evaluates no text. */
const holds = (page: Page, expression: string) => expect.poll(() => page.evaluate(expression), { timeout: 10_000 }).toBe(true)
/** The phone has been told to call. */
const placed = (page: Page) => holds(page, 'window.fakeGuest?.did.some((done) => done.startsWith("call")) === true')
const title = (page: Page, text: string) => page.waitForSelector(`${TITLE}:has-text("${text}")`)
const microphoneIsOff = (page: Page) => fake(page, (guest) => guest.microphone!.getTracks().every((track) => track.readyState === 'ended'))

it('is not offered where it is switched off', async () => {
  mock.api.webCalls.open = false
  const { page, complaints } = await citizen()
  await page.waitForSelector('a.call[href="tel:1580"]')
  expect(await page.locator(OPEN).count()).toBe(0)
  expect(complaints).toEqual([])
})

it('fetches its phone only when somebody calls', async () => {
  const { page } = await citizen()
  const scripts: string[] = []
  page.on('request', (request) => { if (/jssip/.test(request.url())) scripts.push(request.url()) })
  await page.click(OPEN)
  await title(page, 'A call from this page')
  expect(scripts).toEqual([])
  expect(passes()).toEqual([])
  await page.click(CALL)
  await placed(page)
  expect(scripts.length).toBeGreaterThan(0)
})

describe('a call', () => {
  it('goes its way by keyboard alone, and leaves nothing running', async () => {
    const { page, complaints } = await citizen('en', 'desk')
    await page.focus(OPEN)
    await page.keyboard.press('Enter')
    await holds(page, `document.activeElement.matches('${TITLE}')`)
    await page.selectOption('.web-call select', 'pl')
    await page.fill('.web-call input[type=tel]', '112')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.web-call [role=alert]:has-text("7 to 15 digits")')
    expect(await page.evaluate('document.activeElement.type')).toBe('tel')
    await page.fill('.web-call input[type=tel]', '+48 22 555 01 18')
    await page.keyboard.press('Enter')
    await title(page, 'Calling')
    await placed(page)
    expect(passes()).toEqual([{ language: 'pl', number: '+48 22 555 01 18' }])
    await fake(page, (guest) => guest.answer())
    await title(page, 'Listen and press the keys')
    for (const key of ['2', '*', '#']) await page.keyboard.press(key)
    await page.waitForSelector('output:has-text("2*#")')
    // Digits that are typed with a modifier are the browser's.
    await page.keyboard.press('Control+1')
    mock.api.webCalls.progress = { phase: 'waiting', position: 3, case: '2026-01-000431' }
    await title(page, 'place 3')
    await page.waitForSelector('dd:has-text("2026-01-000431")')
    mock.api.webCalls.progress = { phase: 'talking', position: null, case: '2026-01-000431' }
    await title(page, 'You are talking with an operator')
    await page.focus('.web-call [aria-pressed]')
    await page.keyboard.press('Enter')
    await page.waitForSelector('[aria-pressed=true]:has-text("Muted")')
    await page.focus('input[type=range]')
    await page.keyboard.press('Home')
    expect(await microphoneIsOff(page)).toBe(false)
    await page.focus(HANG_UP)
    await page.keyboard.press('Enter')
    await title(page, 'The call is over')
    await page.waitForSelector('dd:has-text("2026-01-000431")')
    expect(await did(page)).toEqual(['volume 1', 'call 1580 as web-guest', 'press 2', 'press *', 'press #', 'mute true', 'volume 0', 'stop'])
    expect(await microphoneIsOff(page)).toBe(true)
    await holds(page, `document.activeElement.matches('${TITLE}')`)
    await page.click('button:has-text("Call again")')
    await page.waitForSelector(CALL)
    await page.click('button:has-text("Not now")')
    await holds(page, `document.activeElement.matches('${OPEN}')`)
    expect(complaints).toEqual([])
  })

  it('is ended by the city', async () => {
    const { page } = await answered()
    await page.click('.keys button >> nth=11')
    await fake(page, (guest) => guest.end())
    await title(page, 'The call is over')
    expect((await did(page)).slice(-2)).toEqual(['press #', 'stop'])
    expect(await microphoneIsOff(page)).toBe(true)
  })

  it('is ended with the page that it is on', async () => {
    const { page } = await answered()
    await page.evaluate('dispatchEvent(new PageTransitionEvent("pagehide"))')
    expect((await did(page)).at(-1)).toBe('stop')
    expect(await microphoneIsOff(page)).toBe(true)
  })

  it('can be given up before anybody answers', async () => {
    const { page } = await citizen()
    await page.click(OPEN)
    await page.click(CALL)
    await title(page, 'Calling')
    await page.click(HANG_UP)
    await title(page, 'The call is over')
    expect(await page.locator('.web-call dl').count()).toBe(0)
  })
})

describe('a call that does not come about says why', () => {
  it.each([
    [403, 'switched off now'],
    [429, 'too many calls from your network'],
    [503, 'All lines are busy'],
    [500, 'server cannot be reached'],
  ])('%i', async (status, text) => {
    mock.api.webCalls.refusal = status
    const { page } = await citizen()
    await page.click(OPEN)
    await page.click(CALL)
    await page.waitForSelector(`.web-call [role=alert]:has-text("${text}"):has-text("15-80")`)
  })

  it.each([
    ['NotAllowedError', 'does not let the page use the microphone'],
    ['NotFoundError', 'No microphone was found'],
    ['NotReadableError', 'Another program uses the microphone'],
  ])('%s', async (name, text) => {
    const { page } = await citizen()
    await page.evaluate(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '${name}') }`)
    await page.click(OPEN)
    await page.click(CALL)
    await page.waitForSelector(`.web-call [role=alert]:has-text("${text}")`)
    expect(passes(), 'no place is taken for who cannot speak').toEqual([])
  })

  it('when the phone finds no way', async () => {
    const { page } = await citizen()
    await page.click(OPEN)
    await page.click(CALL)
    await placed(page)
    await fake(page, (guest) => guest.fail('media'))
    await page.waitForSelector('.web-call [role=alert]:has-text("Sound does not get through")')
    expect(await microphoneIsOff(page)).toBe(true)
  })
})

it('is known to the operator as what it is', async () => {
  const call = mock.api.live.calls.find((call) => call.operator === 'u-1')!
  Object.assign(call, { caller: '', from_web: true, stated_number: '+48225550118' })
  const visited = await visit('/desk', { lang: 'uk', user: 'operator' })
  await visited.page.waitForSelector('.caller:has-text("Дзвінок зі сторінки")')
  await visited.page.waitForSelector('.stated:has-text("+48 22 555 01 18"):has-text("не перевірено")')
  await visited.page.screenshot({ path: 'screenshots/desk-web-call.uk.desk.png' })
  await expectSound(visited)
})

describe('looks', () => {
  for (const lang of ['uk', 'he']) {
    for (const size of ['desk', 'phone'] as const) {
      it(`${lang} ${size}`, async () => {
        const shoot = (page: Page, name: string) => page.screenshot({ path: `screenshots/citizen-call-${name}.${lang}.${size}.png`, fullPage: false })
        const before = await citizen(lang, size)
        await before.page.click(OPEN)
        await before.page.waitForSelector(CALL)
        await before.page.locator(TITLE).scrollIntoViewIfNeeded()
        await shoot(before.page, 'before')
        await expectSound(before)
        await before.page.fill('.web-call input[type=tel]', '12')
        await before.page.click(CALL)
        await before.page.waitForSelector('.wrong')
        await expectSound(before)
        await before.page.fill('.web-call input[type=tel]', '')
        await before.page.click(CALL)
        await before.page.waitForSelector('.waves')
        await shoot(before.page, 'calling')
        await before.close()

        mock.api.webCalls.progress = { phase: 'waiting', position: 3, case: '2026-01-000431' }
        const during = await answered(lang, size)
        for (const digit of [0, 3, 10]) await during.page.locator('.keys button').nth(digit).click()
        await during.page.waitForSelector('dd:has-text("2026-01-000431")')
        await during.page.locator(HANG_UP).scrollIntoViewIfNeeded()
        await shoot(during.page, 'during')
        await expectSound(during)
        const boxes = await Promise.all((await during.page.locator('.web-call button').all()).map((button) => button.boundingBox()))
        expect(boxes.length).toBe(14)
        for (const box of boxes) expect(Math.min(box!.width, box!.height)).toBeGreaterThanOrEqual(44)
        await fake(during.page, (guest) => guest.end())
        await during.page.waitForSelector('.web-call .main')
        await shoot(during.page, 'after')
        await expectSound(during)
        await during.close()

        mock.api.webCalls.refusal = 503
        const failed = await citizen(lang, size)
        await failed.page.click(OPEN)
        await failed.page.click(CALL)
        await failed.page.waitForSelector('.web-call [role=alert]')
        await shoot(failed.page, 'failed')
        failed.complaints.splice(0)
        await expectSound(failed)
      }, LOOKS_MS)
    }
  }

  it('en dark', async () => {
    const visited = await answered('en', 'phone', true)
    await visited.page.locator(HANG_UP).scrollIntoViewIfNeeded()
    await visited.page.screenshot({ path: 'screenshots/citizen-call-during.en.dark.png' })
    await expectSound(visited)
  })
})
