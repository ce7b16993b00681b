// Messages: a link in one opens the request's page, where its applicant says whether it is fixed; the administrator's page of
// SMS and e-mail. In Ukrainian and Hebrew, at the desk and on the phone.
import { describe, expect, it } from 'vitest'
import { CODE, NUMBER } from '../mock/requests'
import { expectSound, mock, stage, visit } from './browser'

stage()

const LOOKS_MS = 120_000
const posted = (path: string) => mock.api.asked.filter((item) => item.method === 'POST' && item.url === `/api/v1/${path}`).map((item) => item.body as Record<string, unknown>)

describe('is it fixed', () => {
  for (const [lang, size] of [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk'], ['he', 'desk']] as const) {
    it(`is answered from the link of a message: ${lang} ${size}`, async () => {
      mock.api.requests.ask()
      const visited = await visit(`/#${NUMBER}/${CODE}`, { lang, size })
      const { page } = visited
      await page.waitForSelector('#request .verdict')
      expect(new URL(page.url()).hash, 'the code is not left in the address').toBe('')
      await page.locator('#request').scrollIntoViewIfNeeded()
      await page.screenshot({ path: `screenshots/verdict.${lang}.${size}.png`, fullPage: true })
      await expectSound(visited)
      if (size === 'phone') {
        await page.locator('.verdict button').nth(1).click()
        await page.locator('.verdict textarea').fill('Блимає')
        await page.screenshot({ path: `screenshots/verdict-no.${lang}.${size}.png`, fullPage: true })
        await page.locator('.verdict button[type=submit]').click()
      } else await page.locator('.verdict button').first().click()
      await page.waitForSelector('#request .verdict', { state: 'detached' })
      expect(posted('citizen/verdict')).toEqual([{ number: NUMBER, code: CODE, fixed: size === 'desk', text: size === 'phone' ? 'Блимає' : '' }])
      expect(await page.locator('#request .steps li').count()).toBeGreaterThan(4)
    }, LOOKS_MS)
  }
})

describe('SMS and e-mail of the administrator', () => {
  for (const [lang, size] of [['uk', 'desk'], ['he', 'phone'], ['uk', 'phone'], ['he', 'desk']] as const) {
    it(`shows how they do, sends a test, and lets calls again: ${lang} ${size}`, async () => {
      const visited = await visit('/admin/messages', { lang, size, user: 'admin' })
      const { page } = visited
      await page.waitForSelector('.ways section')
      await page.waitForSelector('.list li button')
      await page.screenshot({ path: `screenshots/messages.${lang}.${size}.png`, fullPage: true })
      await expectSound(visited)
      await page.locator('form input').fill('112')
      await page.locator('form button[type=submit]').click()
      await page.waitForSelector('form ~ * [role=alert], [role=alert]')
      await page.locator('form input').fill('+380501112299')
      await page.locator('form button[type=submit]').click()
      await page.waitForFunction(() => document.querySelectorAll('.list')[0]?.children.length === 4)
      expect(posted('admin/notifications/test').at(-1)).toEqual({ channel: 'sms', to: '+380501112299' })
      await page.locator('.list').nth(1).locator('button').click()
      await page.locator('dialog textarea, dialog input').first().fill('Попросив сам')
      await page.locator('dialog .button.main, dialog button.main').first().click()
      await page.waitForFunction(() => document.querySelectorAll('.list')[1]?.querySelector('button') === null)
      expect(posted('refused-calls/c-31/allow')).toEqual([{ reason: 'Попросив сам' }])
    }, LOOKS_MS)
  }
})
