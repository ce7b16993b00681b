// One call from the waiting citizen to the closed case, on the pages, with a real Ringback behind them.
import { mkdirSync } from 'node:fs'
import { deflateSync, crc32 } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CATALOGUE, type Key } from '../../src/lib/i18n/all'
import { expectSound, launch, SIZES, visitAt, type Visit } from '../pages/browser'
import { type Demo, startDemo } from './demo'
import { Phone } from './phone'
import { until } from './wait'

const SHOTS = 'screenshots/real'
const uk = (key: Key) => CATALOGUE[key][0]
const button = (page: Page, key: Key) => page.getByRole('button', { name: uk(key) })

let demo: Demo
let browser: Browser
let phone: Phone | undefined
const sessions = new Map<string, string>()
/** What was not sound; told at the end, when every page was seen. */
const flaws: string[] = []
let number = ''
let call = ''

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true })
  demo = await startDemo()
  browser = await launch()
}, 120_000)
afterAll(async () => {
  phone?.end()
  await browser?.close()
  await demo?.end()
})

const open = (path: string, more: { lang?: string, size?: keyof typeof SIZES, at?: string } = {}): Promise<Visit> =>
  visitAt(browser, demo.url, more.at ?? path, { user: sessions.get(path), lang: more.lang ?? 'uk', size: more.size })

/** The page in both writing directions and sizes. */
async function shoot(name: string, path: string, at = path) {
  for (const lang of ['uk', 'he']) {
    for (const size of ['desk', 'phone'] as const) {
      const visited = await open(path, { lang, size, at })
      await visited.page.waitForTimeout(900)
      await visited.page.screenshot({ path: `${SHOTS}/${name}-${lang}-${size}.png` })
      await expectSound(visited).catch((error: Error) => flaws.push(`${name}-${lang}-${size}: ${error.message}`))
      await visited.close()
    }
  }
}

/** A PNG of `width` by `height`, sky over road. */
function png(width: number, height: number, red: number): Buffer {
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (width * 3 + 1) + 1 + x * 3
      const road = y > height / 2 && Math.abs(x - width / 2) < (y - height / 2) * 1.2
      rows.set(road ? [90, 90, 96] : y > height / 2 ? [red, 140, 70] : [150, 190, 255 - (y >> 2)], at)
    }
  }
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length, 0)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

it('signs everybody in by their one-time link, once', async () => {
  for (const [path, link] of demo.links) {
    const context = await browser.newContext({ locale: 'uk' })
    const page = await context.newPage()
    await page.goto(link)
    await page.waitForURL(`${demo.url}${path}`)
    await page.waitForSelector('main#content')
    sessions.set(path, (await context.cookies()).find((cookie) => cookie.name === 'ringback_session')!.value)
    await context.close()
  }
  // A spent link signs nobody in.
  expect((await fetch(demo.links.get('/desk')!, { redirect: 'manual' })).status).not.toBe(200)
})

it('lets the operator take the waiting call and assign its case', async () => {
  const { page, complaints, close } = await open('/desk')
  await page.waitForSelector(`.tag:has-text("${uk('desk.unregistered')}")`)
  phone = await Phone.register(demo.sip, '101', demo.password)
  await page.waitForSelector(`.tag.good:has-text("${uk('desk.registered')}")`)
  await page.screenshot({ path: `${SHOTS}/desk-before.png` })
  await page.waitForSelector('.waiter')
  await page.screenshot({ path: `${SHOTS}/desk-waiting.png` })
  await page.keyboard.press('F2')
  await page.waitForSelector('.call.ringing')
  await page.screenshot({ path: `${SHOTS}/desk-ringing.png` })
  phone.command('accept')
  await button(page, 'desk.hangUp').waitFor()
  await page.waitForSelector('#category')
  number = (await page.textContent('h2 .num'))!
  expect(number).toMatch(/^\d{4}-\d+-\d+$/)

  await page.click('#category')
  await page.fill('#category', 'Прорив')
  await page.keyboard.press('Enter')
  await page.fill('#address', 'вул. Соборна, 12')
  await page.press('#address', 'Tab')
  await page.selectOption('#territory', 'center')
  await page.waitForSelector('.promise:has-text("Міськводоканал")')
  await page.fill('#description', 'Другий день немає води, у дворі тече.')
  await page.press('#description', 'Tab')
  await page.fill('#applicant', 'Оксана Петренко')
  await page.press('#applicant', 'Tab')
  await page.waitForSelector(`.saved:has-text("${uk('desk.saved')}")`)
  await page.screenshot({ path: `${SHOTS}/desk-preview.png` })
  await page.keyboard.press('F4')
  await page.waitForSelector(`h2:has-text("${uk('state.assigned')}")`)
  expect(await page.inputValue('#address')).toBe('вул. Соборна, 12')
  expect(await page.inputValue('#territory')).toBe('center')
  await button(page, 'disposition.case_created').click()
  await page.waitForTimeout(1500)
  await page.screenshot({ path: `${SHOTS}/desk-assigned.png` })
  await shoot('desk-talking', '/desk')
  await page.keyboard.press('F8')
  await page.waitForSelector(`button:has-text("${uk('desk.wrapUpDone')}")`)
  // The outcome is known, the call is over: its case stays until the operator says done.
  await page.waitForTimeout(800)
  expect(await page.textContent('h2 .num')).toBe(number)
  await page.screenshot({ path: `${SHOTS}/desk-wrap-up.png` })
  await page.keyboard.press('F2')
  await page.waitForSelector(`button.on:has-text("${uk('desk.ready')}")`)
  await button(page, 'desk.notReady').click()
  await page.click(`button:has-text("${uk('reason.lunch')}")`)
  await page.waitForSelector(`button[aria-pressed=true]:has-text("${uk('reason.lunch')}")`)
  // The case of a call that is over is found by its number.
  await page.keyboard.press('Control+k')
  await page.fill('#case-search', number)
  await page.keyboard.press('Enter')
  await page.click(`dialog li button:has-text("${number}")`)
  await page.waitForSelector(`.notice:has-text("${uk('desk.shown')}")`)
  await page.waitForTimeout(800)
  await page.screenshot({ path: `${SHOTS}/desk-looked.png` })
  expect(complaints).toEqual([])
  await close()
})

it('lets the executor do the work from a phone', async () => {
  const { page, complaints, close } = await open('/work', { size: 'phone' })
  await page.click(`.order:has-text("${number}")`)
  await button(page, 'work.accept').click()
  await button(page, 'work.onSite').click()
  for (const [role, red] of [['work.photoBefore', 160], ['work.photoAfter', 60]] as const) {
    await page.setInputFiles(`label:has-text("${uk(role)}") input`, { name: 'photo.png', mimeType: 'image/png', buffer: png(640, 480, red) })
    await page.waitForFunction((count) => [...document.querySelectorAll<HTMLImageElement>('ul img')].filter((image) => image.naturalWidth === 320).length === count, red === 160 ? 1 : 2)
  }
  await page.screenshot({ path: `${SHOTS}/work-photos.png`, fullPage: true })
  await button(page, 'work.report').click()
  await page.fill('dialog textarea', 'Замінили 2 м труби, воду подано')
  await page.click('dialog button.main')
  await page.waitForSelector(`.notice:has-text("${uk('work.sent')}")`)
  await page.screenshot({ path: `${SHOTS}/work-reported.png` })
  expect(complaints).toEqual([])
  await close()
})

it('lets control accept, tell and close', async () => {
  const { page, complaints, close } = await open('/control')
  await page.click(`.list li button:has-text("${number}")`)
  await button(page, 'control.acceptEvidence').waitFor()
  await shoot('control-evidence', '/control', `/control?case=${number}`)
  await button(page, 'control.acceptEvidence').click()
  await button(page, 'control.recordTelling').click()
  await page.waitForSelector(`.tag:has-text("${uk('control.saysFixed')}")`)
  await page.screenshot({ path: `${SHOTS}/control-told.png` })
  await button(page, 'control.close').click()
  await page.waitForSelector(`.decision:has-text("${uk('closing.fixed_confirmed')}")`)
  expect(complaints).toEqual([])
  await close()
})

it('lets the auditor find, see and hear the call', async () => {
  const { page, complaints, close } = await open('/audit')
  const ranges: number[] = []
  page.on('response', (response) => { if (response.url().includes('/recording')) ranges.push(response.status()) })
  await page.fill('#case', number)
  await button(page, 'audit.find').click()
  await page.click(`.list li button:has-text("${number}")`)
  await page.waitForSelector('canvas')
  call = new URL(page.url()).searchParams.get('call')!
  await page.locator('button.round').click()
  const sound = () => page.evaluate(() => Number(document.querySelector('.player [role=slider]')!.getAttribute('aria-valuenow')))
  await until('the recording to play', async () => ((await sound()) >= 1 ? true : null), 20_000)
  expect(ranges.every((status) => status === 206)).toBe(true)
  // From an event in the middle of the call.
  const jump = page.locator('li:has(.jump)', { hasText: uk('event.contact.connected') }).locator('.jump')
  const [minutes, seconds] = (await jump.textContent())!.trim().split(':').map(Number) as [number, number]
  await jump.click()
  const wanted = minutes * 60 + seconds
  await until('the jump', async () => { const at = await sound(); return at >= wanted && at < wanted + 8 ? true : null }, 20_000)
  await page.locator('button.round').click()
  expect(await page.locator('.name', { hasText: uk('event.case.closed') }).count()).toBe(0)
  await button(page, 'audit.withCase').click()
  await page.waitForSelector(`.name:has-text("${uk('event.case.closed')}")`)
  await page.screenshot({ path: `${SHOTS}/audit-with-case.png`, fullPage: true })
  expect(complaints).toEqual([])
  await close()
})

it('reads the configuration again', async () => {
  const { page, complaints, close } = await open('/admin')
  await page.locator('button.main').click()
  await page.waitForSelector('.tag.good[role=status]:has-text(":")')
  expect(complaints).toEqual([])
  await close()
})

it('shows every page sound in both writing directions and sizes', async () => {
  await shoot('citizen', '/')
  await shoot('desk-idle', '/desk')
  await shoot('desk-case', '/desk', `/desk?case=${number}`)
  await shoot('work', '/work')
  await shoot('work-order', '/work', `/work?case=${number}`)
  await shoot('control', '/control')
  await shoot('control-closed', '/control', `/control?case=${number}`)
  await shoot('audit', '/audit')
  await shoot('audit-call', '/audit', `/audit?call=${call}`)
  await shoot('board', '/board')
  for (const page of ['control', 'audit', 'reports']) await shoot(`supervisor-${page}`, '/board', `/${page}`)
  await shoot('admin', '/admin')
  expect(flaws).toEqual([])
}, 300_000)
