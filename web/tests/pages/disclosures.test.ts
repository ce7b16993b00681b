// Handing a case over: asked for, let go by a second person, fetched. In Ukrainian and Hebrew, at the desk and on the phone.
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, stage, visit } from './browser'

stage()

const LOOKS = [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk'], ['he', 'desk']] as const

describe('handing over', () => {
  for (const [lang, size] of LOOKS) {
    it(`is asked for and decided: ${lang} ${size}`, async () => {
      const visited = await visit('/disclosures?case=2026-01-000402', { lang, size, user: 'records' })
      const { page } = visited
      await page.waitForSelector('li.card')
      await page.screenshot({ path: `screenshots/disclosures.${lang}.${size}.png`, fullPage: true })
      await expectSound(visited)
      expect(await page.inputValue('form input >> nth=0')).toBe('2026-01-000402')
      await page.click('form button.main')
      expect(asked('POST', '/cases/2026-01-000402/disclosures'), 'it takes purpose, recipient and basis').toEqual([])
      for (const [n, text] of [[1, 'суд'], [2, 'Окружний суд'], [3, 'ухвала']] as const) await page.fill(`form input >> nth=${n}`, text)
      await page.click('form button.main')
      await expect.poll(() => asked('POST', '/cases/2026-01-000402/disclosures').map((item) => item.body)).toEqual([{ purpose: 'суд', recipient: 'Окружний суд', basis: 'ухвала' }])
      await page.waitForFunction(() => document.querySelectorAll('li.card').length === 6)
      await page.click('li .row .main >> nth=0')
      await expect.poll(() => asked('POST', '/disclosures/d-1/approve').length).toBe(1)
      await page.waitForFunction(() => document.querySelectorAll('progress').length === 2)
      // What is ready appears by itself.
      Object.assign(mock.api.disclosures.items.find((one) => one.id === 'd-1')!, { state: 'made', percent: null, until_at: new Date(Date.now() + 1e7).toISOString(), length: 1e6, may_fetch: true })
      await page.waitForFunction(() => document.querySelectorAll('a[download]').length === 2)
      await visited.close()
    })
  }

  it('is refused with a reason', async () => {
    const visited = await visit('/disclosures', { lang: 'uk', user: 'records' })
    const { page } = visited
    await page.click('li .bad')
    await page.fill('dialog textarea', 'немає підстави')
    await page.click('dialog button.main')
    await expect.poll(() => asked('POST', '/disclosures/d-1/refuse').map((item) => item.body)).toEqual([{ reason: 'немає підстави' }])
    await visited.close()
  })
})
