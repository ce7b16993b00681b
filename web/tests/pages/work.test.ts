// The executor in a cellar: no signal, a killed tab, answers that get lost, an order taken back meanwhile.
import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { photo } from '../mock/sound'
import { expectSound, mock, stage, visit } from './browser'

stage()

const NUMBER = '2026-01-000417'
const ORDER = '.order:has-text("вул. Паркова, 12")'
const picture = { name: 'after.png', mimeType: 'image/png', buffer: photo(true) }
const steps = () => mock.api.asked.filter((item) => item.method === 'POST' && item.url.includes(`/cases/${NUMBER}/`)).map((item) => item.url.split('/').at(-1))
const state = () => mock.api.cases.find((item) => item.number === NUMBER)?.state

/** The phone in the cellar: the browser knows it, and nothing answers. */
async function signal(context: BrowserContext, there: boolean) {
  mock.api.radio.signal = there
  if (!there) mock.server.closeAllConnections()
  await context.setOffline(!there)
}

const shot = async (page: Page, name: string) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}`, fullPage: true }) }

/** The worker has the files of the page. */
const kept = (page: Page) => page.evaluate(async () => { await navigator.serviceWorker.ready })

/** Pressed without signal: on site, both photos, done. */
async function workInTheCellar(page: Page) {
  await page.click('.steps button.main')
  await page.setInputFiles('.photos label:nth-child(1) input', picture)
  await page.waitForSelector('.pending li:nth-child(1)')
  await page.setInputFiles('.photos label:nth-child(2) input', picture)
  await page.waitForSelector('.pending li:nth-child(2)')
  await page.click('.steps button.main')
  await page.fill('dialog textarea', 'Замінено 2 м труби')
  await page.click('dialog button.main')
}

describe('without signal', () => {
  for (const lang of ['uk', 'he'] as const) {
    it(`goes on, survives the tab being killed, and sends all in turn when there is signal again: ${lang}`, async () => {
      const visited = await visit('/work', { lang, user: 'executor', size: 'phone' })
      let { page } = visited
      const context = page.context()
      await page.click(ORDER)
      await page.click('.steps button.main')
      await page.waitForFunction((number) => document.querySelector('.steps button.main')?.textContent !== null && location.search.includes(number), NUMBER)
      await expect.poll(state).toBe('accepted')
      await kept(page)
      await expect.poll(() => page.evaluate(() => document.querySelectorAll('.notice.warn').length)).toBe(0)

      await signal(context, false)
      await workInTheCellar(page)
      await page.waitForSelector('article .notice.warn li:nth-child(4)')
      expect(state()).toBe('accepted')
      await shot(page, `work-offline-${lang}.png`)
      await page.close({ runBeforeUnload: false })

      // Another tab, still without signal: the page, the list and what waits are there.
      page = await context.newPage()
      await page.goto(`${mock.url}/work`)
      await page.waitForSelector('.list .notice.warn li:nth-child(4)')
      await page.waitForSelector('.list .tabs button:nth-child(2)')
      await shot(page, `work-list-offline-${lang}.png`)
      await expectSound({ page, complaints: [], close: visited.close })

      await signal(context, true)
      await expect.poll(state, { timeout: 20_000 }).toBe('work_reported')
      expect(steps()).toEqual(['accept', 'start', 'evidence', 'evidence', 'report'])
      await expect.poll(() => page.locator('.list .notice.warn').count()).toBe(0)
      const started = mock.api.asked.find((item) => item.url.endsWith('/start'))?.body as { pressed_at: string }
      expect(Date.parse(started.pressed_at)).toBeGreaterThan(Date.now() - 60_000)
    })
  }

  for (const [lang, size] of [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk']] as const) {
    it(`a part of another’s order goes on as well, and is sent once: ${lang} ${size}`, async () => {
      // The order is the heating company's; ours has a part in it.
      mock.api.cases.find((item) => item.number === NUMBER)!.executor = 'teplo'
      mock.api.ownParts.set(NUMBER, 'asked')
      const visited = await visit(`/work?case=${NUMBER}`, { lang, user: 'executor', size })
      const { page } = visited
      const part = (name: string) => page.locator(`section.card .steps button${name}`)
      await part('.main').waitFor()
      await kept(page)
      await signal(page.context(), false)
      await part('.main').click()
      // What comes next can be pressed at once.
      await page.waitForSelector('article .notice.warn li:nth-child(1)')
      await part('.main').click()
      await page.fill('dialog textarea', 'Розкопано і засипано')
      await page.click('dialog button.main')
      await page.waitForSelector('article .notice.warn li:nth-child(2)')
      expect(await part('').count()).toBe(0)
      expect(mock.api.ownParts.get(NUMBER)).toBe('asked')
      expect(steps()).toEqual([])
      await shot(page, `work-part-offline-${lang}-${size}.png`)
      await expectSound({ ...visited, complaints: [] })

      // The first answer gets lost on its way back: carried out once all the same.
      mock.api.radio.answersToLose = 1
      await signal(page.context(), true)
      await expect.poll(() => mock.api.ownParts.get(NUMBER), { timeout: 20_000 }).toBe('reported')
      await expect.poll(() => page.locator('article .notice.warn').count(), { timeout: 20_000 }).toBe(0)
      expect(mock.api.done.size, 'steps carried out').toBe(2)
      expect(new Set(steps())).toEqual(new Set(['part-accept', 'part-report']))
      const reported = mock.api.asked.find((item) => item.url.endsWith('/part-report'))?.body as { result: string, pressed_at: string }
      expect(reported.result).toBe('Розкопано і засипано')
      expect(Date.parse(reported.pressed_at)).toBeGreaterThan(Date.now() - 60_000)
    })
  }

  it('a part given back waits for the signal, and a no is told in words', async () => {
    mock.api.cases.find((item) => item.number === NUMBER)!.executor = 'teplo'
    mock.api.ownParts.set(NUMBER, 'accepted')
    const { page } = await visit(`/work?case=${NUMBER}`, { lang: 'en', user: 'executor', size: 'phone' })
    await page.waitForSelector('section.card .steps')
    await signal(page.context(), false)
    await page.click('section.card .steps button:has-text("Cannot")')
    await page.fill('dialog textarea', 'Не наша ділянка')
    await page.click('dialog button:has-text("Cannot")')
    await page.waitForSelector('article .notice.warn:has-text("Part cannot be done")')
    // A dispatcher has given it to somebody else meanwhile.
    mock.api.ownParts.delete(NUMBER)
    await signal(page.context(), true)
    await page.waitForSelector('article [role=alert]:has-text("taken back from your organisation")')
    expect(steps()).toEqual(['part-decline'])
  })

  it('does nothing twice when the answers get lost', async () => {
    const { page } = await visit(`/work?case=${NUMBER}`, { lang: 'en', user: 'executor', size: 'phone' })
    await page.waitForSelector('.steps')
    // The browser itself tries again on each connection it had open.
    mock.api.radio.answersToLose = 50
    await page.click('.steps button:has-text("Accept")')
    await page.waitForSelector('article .notice.warn:has-text("No signal")')
    mock.api.radio.answersToLose = 0
    await page.click('article button:has-text("Send now")')
    await page.click('.steps button:has-text("On site")')
    await expect.poll(state, { timeout: 20_000 }).toBe('in_progress')
    await expect.poll(() => page.locator('article .notice.warn').count(), { timeout: 20_000 }).toBe(0)
    expect(steps().filter((step) => step === 'accept').length).toBeGreaterThan(1)
    expect(mock.api.done.size, 'steps carried out').toBe(2)
  })

  it('says in words that the order was taken back meanwhile', async () => {
    const { page } = await visit(`/work?case=${NUMBER}`, { lang: 'en', user: 'executor', size: 'phone' })
    await page.waitForSelector('.steps')
    await signal(page.context(), false)
    await page.click('.steps button:has-text("Accept")')
    await page.click('.steps button:has-text("On site")')
    await page.waitForSelector('article .notice.warn li:nth-child(2)')
    mock.api.cases.find((item) => item.number === NUMBER)!.executor = 'teplo'
    await signal(page.context(), true)
    await page.waitForSelector('article [role=alert]:has-text("taken back from your organisation")')
    // What came after it waits; it is not tried behind the back of a refusal.
    expect(steps()).toEqual(['accept'])
    const refused = page.locator('article [role=alert]:has-text("Not taken")')
    await refused.locator('button:has-text("Remove")').click()
    await page.waitForSelector('article [role=alert]:has-text("On site")')
    await refused.locator('button:has-text("Remove")').click()
    await expect.poll(() => page.locator('[role=alert]:has-text("Not taken")').count()).toBe(0)
  })

  it('leaves nothing on the phone when the executor signs out, and asks first', async () => {
    const { page } = await visit(`/work?case=${NUMBER}`, { lang: 'en', user: 'executor', size: 'phone' })
    await page.waitForSelector('.steps')
    await kept(page)
    await signal(page.context(), false)
    await page.click('.steps button:has-text("Accept")')
    await page.waitForSelector('article .notice.warn')
    const answers = [false, true]
    const questions: string[] = []
    page.on('dialog', (dialog) => { questions.push(dialog.message()); void (answers.shift() ? dialog.accept() : dialog.dismiss()) })
    await page.click('summary')
    await page.click('button:has-text("Sign out")')
    expect(questions).toEqual(['Not sent: 1. If you sign out, it is lost. Sign out?'])
    await page.waitForSelector('article .notice.warn')
    await signal(page.context(), true)
    mock.api.radio.signal = false
    await page.click('button:has-text("Sign out")')
    await page.waitForURL('**/signin.html*')
    const left = await page.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve) => { const request = indexedDB.open('ringback.work'); request.onsuccess = () => resolve(request.result) })
      const count = (store: string) => new Promise<number>((resolve) => { const request = database.transaction(store).objectStore(store).count(); request.onsuccess = () => resolve(request.result) })
      return { outbox: await count('outbox'), kept: await count('kept'), caches: (await caches.keys()).length, name: localStorage.getItem('ringback.executor') }
    })
    expect(left).toEqual({ outbox: 0, kept: 0, caches: 0, name: null })
  })
})

describe('the list', () => {
  it('asks where one stands only when tapped, and then puts the nearest of a day first', async () => {
    let asked = 0
    const { page } = await visit('/work', { lang: 'en', user: 'executor', size: 'phone', prepare: async (context) => {
      await context.exposeFunction('askedWhere', () => { asked += 1 })
      await context.addInitScript(() => {
        const whole = navigator.geolocation.getCurrentPosition.bind(navigator.geolocation)
        navigator.geolocation.getCurrentPosition = (...how) => { void (window as unknown as { askedWhere: () => void }).askedWhere(); whole(...how) }
      })
      await context.grantPermissions(['geolocation'])
      await context.setGeolocation({ latitude: 50.93, longitude: 34.82, accuracy: 9 })
    } })
    const addresses = () => page.$$eval('.order .place span:first-of-type', (items) => items.map((item) => item.textContent))
    expect(await addresses()).toEqual(['вул. Набережна, 5', 'вул. Паркова, 12', 'просп. Миру, 84, під’їзд 3'])
    expect(asked).toBe(0)
    await page.click('button:has-text("What is near")')
    await page.waitForSelector('.far:has-text("10 m")')
    expect(asked).toBe(1)
    const near = await addresses()
    expect(near[0], 'what is late stays first').toBe('вул. Набережна, 5')
    // Due on one day or not, by the hour of the test: then the nearer of the two comes first.
    expect(near.slice(1).sort()).toEqual(['вул. Паркова, 12', 'просп. Миру, 84, під’їзд 3'])
    await page.click(ORDER)
    await page.click('.steps button:has-text("Accept")')
    await page.click('.steps button:has-text("On site")')
    await expect.poll(state).toBe('in_progress')
    const started = mock.api.asked.find((item) => item.url.endsWith('/start'))?.body as { place: object }
    expect(started.place).toEqual({ lat: 50.93, lon: 34.82, accuracy_m: 9 })
  })
})

describe('the control desk', () => {
  for (const [lang, size] of [['uk', 'desk'], ['he', 'desk'], ['uk', 'phone'], ['he', 'phone']] as const) {
    it(`sees before and after side by side, with what does not fit: ${lang} ${size}`, async () => {
      const visited = await visit('/control?case=2026-01-000398', { lang, size, user: 'control' })
      const { page } = visited
      await page.waitForSelector('figure .flag')
      expect(await page.locator('figure').count()).toBe(2)
      expect(await page.locator('.flag').count()).toBe(3)
      expect(await page.locator('a.earlier').getAttribute('href')).toBe('/control?case=2026-01-000365')
      if (size === 'desk') {
        const [before, after] = await page.$$eval('figure', (items) => items.map((item) => item.getBoundingClientRect().top))
        expect(before).toBe(after)
      }
      const distance = page.locator('figure').first().locator('dd button')
      await distance.click()
      await page.waitForSelector('figure dd .num')
      await shot(page, `proof-${lang}-${size}.png`)
      await expectSound(visited)
    })
  }
})
