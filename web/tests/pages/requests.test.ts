// A request in writing: filed on a phone with an address, an answer and a photo; its page by number and code; reopened and
// rated by its applicant. In Ukrainian and Hebrew, at the desk and on the phone.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { CODE, NUMBER } from '../mock/requests'
import { expectSound, mock, type Size, stage, visit } from './browser'

stage()

const LOOKS_MS = 120_000
const citizen = (lang: string, size: Size) => visit('/', { lang, size })
const posted = (path: string) => mock.api.asked.filter((item) => item.method === 'POST' && item.url === `/api/v1/citizen/${path}`).map((item) => item.body as Record<string, unknown>)
const shoot = async (page: Page, name: string) => {
  await page.locator('#request').scrollIntoViewIfNeeded()
  await page.screenshot({ path: `screenshots/request-${name}.png`, fullPage: true })
}

/** A PNG of one pixel. */
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

async function open(page: Page, number: string, code: string) {
  await page.locator('#request .row > button').nth(1).click()
  await page.locator('#request form input').first().fill(number)
  await page.locator('#request form input').nth(1).fill(code)
  await page.locator('#request form button[type=submit]').click()
}

describe('a request in writing', () => {
  for (const [lang, size] of [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk'], ['he', 'desk']] as const) {
    it(`is filed: ${lang} ${size}`, async () => {
      const visited = await citizen(lang, size)
      const { page } = visited
      await page.locator('#request .row > button').first().click()
      await page.waitForSelector('#request form select')
      await page.locator('#request form button[type=submit]').click()
      expect(await page.locator('#request [aria-invalid="true"]').count()).toBe(2)
      expect(posted('requests')).toEqual([])
      await shoot(page, `empty.${lang}.${size}`)
      await expectSound(visited)

      await page.locator('#request select').first().selectOption('light')
      await page.locator('#request select').nth(1).selectOption('dark')
      const where = page.getByRole('combobox').and(page.locator('input'))
      await where.fill('шевч 2')
      await page.locator('#request [role=option]').first().click()
      await page.locator('#request textarea').fill('Лампа не світить')
      await page.locator('#request input[type=file]').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: PIXEL })
      await page.waitForSelector('#request .photos img')
      await page.locator('#request input[type=tel]').fill('050 111 22 33')
      await page.locator('#request form button[type=submit]').click()
      // A number without consent goes nowhere.
      await page.waitForSelector('#request [role=alert]')
      await page.locator('#request input[type=checkbox]').check()
      await shoot(page, `full.${lang}.${size}`)
      await expectSound(visited)
      await page.locator('#request form button[type=submit]').click()
      await page.waitForSelector('#request .code')
      await page.waitForFunction(() => document.querySelector('#request [role=status]')?.textContent?.match(/1.*1/))
      expect(await page.locator('#request .code').innerText()).toBe(CODE)
      expect(posted('requests')).toMatchObject([{ category: 'light', language: lang, site: { key: 'шевченка', house: '2' }, address: null, consent: true, answers: { kind: ['dark'] } }])
      await shoot(page, `filed.${lang}.${size}`)
      await expectSound(visited)
      await page.locator('#request .button.main.big.grow').last().click()
      await page.waitForSelector('#request .steps li')
      await page.waitForSelector('#request .pictures img')
      await expectSound(visited)
    }, LOOKS_MS)

    it(`is opened with a code that was lost and sent again: ${lang} ${size}`, async () => {
      const visited = await citizen(lang, size)
      const { page } = visited
      await page.locator('#request .row > button').nth(1).click()
      await page.locator('#request form input').first().fill(NUMBER)
      await page.click('#request .lost')
      expect(await page.inputValue('#request form input >> nth=0'), 'what was typed stays').toBe(NUMBER)
      await page.fill('#request input[type=tel]', '12')
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request [role=alert]')
      expect(posted('code')).toEqual([])
      await page.fill('#request input[type=tel]', '050 111 22 33')
      mock.api.requests.sms.on = false
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request .notice.bad:has-text("15-80")')
      // Chromium itself logs the 409.
      visited.complaints.splice(0)
      mock.api.requests.sms.on = true
      await shoot(page, `code-asked.${lang}.${size}`)
      await expectSound(visited)
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request .notice[role=status]')
      expect(posted('code').at(-1)).toEqual({ number: NUMBER, phone: '050 111 22 33' })
      await shoot(page, `code-sent.${lang}.${size}`)
      await expectSound(visited)
      // The code can be typed at once.
      await page.keyboard.type(CODE)
      await page.keyboard.press('Enter')
      await page.waitForSelector('#request .steps li')
    }, LOOKS_MS)

    it(`is reopened and rated: ${lang} ${size}`, async () => {
      mock.api.requests.close()
      const visited = await citizen(lang, size)
      const { page } = visited
      await open(page, NUMBER, '0000-0000')
      await page.waitForSelector('#request [role=alert]')
      // Chromium itself logs the 404.
      visited.complaints.splice(0)
      await page.locator('#request form input').nth(1).fill(CODE)
      await page.locator('#request form button[type=submit]').click()
      await page.waitForSelector('#request .steps li')
      await shoot(page, `closed.${lang}.${size}`)
      await expectSound(visited)
      await page.locator('#request .scores label').nth(3).click()
      await page.locator('#request form button[type=submit]').click()
      await page.waitForFunction(() => !document.querySelector('#request .scores'))
      expect(posted('rating')).toMatchObject([{ number: NUMBER, score: 4 }])
      await page.locator('#request .row').last().locator('button').first().click()
      await page.locator('#request textarea').fill('Знову темно')
      await page.locator('#request form button[type=submit]').click()
      await page.waitForSelector('#request .notice.warn')
      expect(posted('reopen')).toMatchObject([{ number: NUMBER, code: CODE, text: 'Знову темно' }])
      await shoot(page, `reopened.${lang}.${size}`)
      await expectSound(visited)
      const boxes = await Promise.all((await page.locator('#request button').all()).map((button) => button.boundingBox()))
      for (const box of boxes) expect(Math.min(box!.width, box!.height)).toBeGreaterThanOrEqual(44)
    }, LOOKS_MS)
  }
})
