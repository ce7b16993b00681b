// Appointments with officials, own calls and what was done on the citizen's page; the secretary's list; the operator's code
// and what came in writing; the records office. In Ukrainian and Hebrew, at the desk and on the phone.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { CODE, NUMBER } from '../mock/requests'
import { asked, expectSound, mock, stage, visit } from './browser'

stage()

const LOOKS = [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk'], ['he', 'desk']] as const
const LOOKS_MS = 120_000
const shoot = (page: Page, name: string) => page.screenshot({ path: `screenshots/reception-${name}.png`, fullPage: true })

async function open(page: Page) {
  await page.locator('#request .row > button').nth(1).click()
  await page.locator('#request form input').first().fill(NUMBER)
  await page.locator('#request form input').nth(1).fill(CODE)
  await page.locator('#request form button[type=submit]').click()
  await page.waitForSelector('#request dl')
}

describe('an appointment', () => {
  it('is told by the city’s clock, by name where the reader’s shows another time', async () => {
    for (const [zone, named] of [['America/New_York', true], ['Europe/Kyiv', false]] as const) {
      const visited = await visit('/', { lang: 'uk', size: 'phone', zone })
      const { page } = visited
      await page.click('#request .book')
      await page.selectOption('#request select >> nth=0', 'mayor')
      await page.waitForSelector('.times button')
      const slot = mock.api.officials.receptions()[0]!.free[0]!
      const time = new Intl.DateTimeFormat('uk', { hour: '2-digit', minute: '2-digit', timeZone: 'Europe/Kyiv' }).format(new Date(slot.starts_at))
      expect(await page.textContent('.times button >> nth=0')).toBe(time)
      const legend = await page.textContent('#request legend')
      expect(legend?.includes('за східноєвропейським часом')).toBe(named)
      if (named) await shoot(page, 'elsewhere.uk.phone')
      await expectSound(visited)
      await visited.close()
    }
  })
  for (const [lang, size] of LOOKS) {
    it(`is booked, seen, moved and given back: ${lang} ${size}`, async () => {
      const visited = await visit('/', { lang, size })
      const { page } = visited
      await page.click('#request .book')
      await page.selectOption('#request select >> nth=0', 'mayor')
      await page.waitForSelector('.times button')
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('fieldset[data-wrong=true] [role=alert]')
      expect(asked('POST', '/citizen/appointments')).toEqual([])
      await page.click('.times button >> nth=1')
      await page.selectOption('#request select >> nth=2', 'water')
      await page.fill('#request textarea', 'Третій рік без води')
      await page.fill('#request input[autocomplete=name]', 'Олена Петренко')
      await shoot(page, `book.${lang}.${size}`)
      await expectSound(visited)
      // Somebody is faster; what was written stays.
      mock.api.officials.taken.add(mock.api.officials.receptions()[0]!.free[1]!.starts_at)
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request .notice.warn')
      // Chromium itself logs the 409.
      expect(visited.complaints.splice(0)).toHaveLength(1)
      expect(await page.inputValue('#request textarea')).toBe('Третій рік без води')
      await page.click('.times button >> nth=1')
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request .code')
      await shoot(page, `booked.${lang}.${size}`)
      await expectSound(visited)
      await page.click('#request section .row .main')
      await page.waitForSelector('.own')
      await page.click('.own button >> nth=0')
      await page.click('.own .times button >> nth=3')
      await shoot(page, `moving.${lang}.${size}`)
      await expectSound(visited)
      await page.click('.own .row .main')
      await expect.poll(() => asked('POST', '/citizen/appointment-move').length).toBe(1)
      await page.waitForSelector('.own .times', { state: 'detached' })
      await page.click('.own button >> nth=1')
      await page.click('.own .bad')
      await page.waitForSelector('.own .tag.warn')
      await visited.close()
    }, LOOKS_MS)
  }
})

describe('the page of a request', () => {
  for (const [lang, size] of LOOKS) {
    it(`shows what was done and lets one ask for a call: ${lang} ${size}`, async () => {
      mock.api.requests.close()
      Object.assign(mock.api.requests.page, {
        work_pictures: [{ id: 'w-1', role: 'before' }, { id: 'w-2', role: 'after' }],
        calls: [{ id: 'c-1', at: new Date().toISOString(), seconds: 184, state: 'none', reason: null }, { id: 'c-2', at: new Date().toISOString(), seconds: 42, state: 'allowed', reason: null }, { id: 'c-3', at: new Date().toISOString(), seconds: 8, state: 'refused', reason: 'триває розслідування' }],
      })
      const visited = await visit('/', { lang, size })
      const { page } = visited
      await open(page)
      await page.waitForSelector('figure >> nth=1')
      await page.waitForSelector('figure img')
      expect(await page.isDisabled('.own button >> nth=0')).toBe(true)
      await page.fill('.own input', '050 111 22 33')
      await page.click('.own button >> nth=1')
      await page.waitForSelector('audio')
      await shoot(page, `calls.${lang}.${size}`)
      await expectSound(visited)
      await page.click('.own button >> nth=0')
      await expect.poll(() => asked('POST', '/citizen/recording').map((item) => item.body)).toEqual([{ number: NUMBER, code: CODE, call: 'c-1', phone: '050 111 22 33' }])
      await page.waitForSelector('.own li:first-child p.soft')
      await visited.close()
    }, LOOKS_MS)
  }
})

describe('the secretary', () => {
  for (const [lang, size] of LOOKS) {
    it(`sees who comes, and says what became of it: ${lang} ${size}`, async () => {
      const visited = await visit('/receptions', { lang, size, user: 'mayor' })
      const { page } = visited
      await page.waitForSelector('ol li >> nth=2')
      await shoot(page, `list.${lang}.${size}`)
      await expectSound(visited)
      await page.click('li:has-text("2026-01-000441") .done .main')
      await page.fill('dialog textarea', 'Дозволено за проєктом')
      await page.click('dialog button.main')
      await page.waitForSelector('li:has-text("2026-01-000441") .tag.good')
      expect(asked('POST', '/cases/2026-01-000441/appointment-held')[0]?.body).toEqual({ minutes: 'Дозволено за проєктом' })
      await page.click('li:has-text("2026-01-000440") .done button')
      await page.fill('dialog textarea', 'Відновити гарячу воду')
      await page.click('dialog button.main')
      await page.waitForSelector('.notice.good:has-text("2026-01-000450")')
      // Whose time has not come cannot be said to have been here.
      expect(await page.locator('li:has-text("2026-01-000442") .done button').count()).toBe(0)
      await page.emulateMedia({ media: 'print' })
      expect(await page.isVisible('.choice')).toBe(false)
      await shoot(page, `print.${lang}.${size}`)
      await visited.close()
    }, LOOKS_MS)
  }
})

describe('the operator', () => {
  for (const [lang, size] of [['uk', 'desk'], ['he', 'desk']] as const) {
    it(`takes what came in writing, and tells a code: ${lang} ${size}`, async () => {
      const visited = await visit('/desk', { lang, size, user: 'quiet' })
      const { page } = visited
      await page.waitForSelector('.column ul[aria-live] li button')
      await shoot(page, `incoming.${lang}.${size}`)
      await expectSound(visited)
      await page.goto(`${mock.url}/desk?case=2026-01-000417`)
      await page.waitForSelector('.filed img')
      await page.click('.row button:has(svg) >> text=/Дати код|מסירת קוד/')
      await page.waitForSelector('dialog .code')
      await shoot(page, `code.${lang}.${size}`)
      await expectSound(visited)
      expect(await page.innerText('dialog .code')).toContain(CODE)
      await visited.close()
    }, LOOKS_MS)
  }

  it('takes a caller’s case to an official', async () => {
    const { page } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('h2:has-text("2026-01-000418")')
    await page.click('button:has-text("To a reception")')
    await page.click('dialog .times button >> nth=2')
    const wanted = mock.api.officials.receptions()[0]!.free[2]!.starts_at
    await page.click('dialog button.main')
    await expect.poll(() => asked('POST', '/cases/2026-01-000418/appointment').map((item) => item.body)).toEqual([{ reception: 'mayor', starts_at: wanted }])
    await page.waitForSelector('dialog[open]', { state: 'detached' })
  })
})

describe('the records office', () => {
  it('refuses with a reason that the applicant reads', async () => {
    const visited = await visit('/hearings', { lang: 'uk', user: 'records' })
    const { page } = visited
    await page.waitForSelector('li.card')
    await shoot(page, 'hearings.uk.desk')
    await expectSound(visited)
    await page.click('li .bad')
    await page.fill('dialog textarea', 'триває розслідування')
    await page.click('dialog button.main')
    await expect.poll(() => asked('POST', '/hearings/h-1/refuse').map((item) => item.body)).toEqual([{ reason: 'триває розслідування' }])
    await page.waitForSelector('text=Ніхто не чекає')
  })
})
