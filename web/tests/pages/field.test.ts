// Executors outside: the call to the applicant, those who work with the lead, the administrator's telephone, code and rules.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { expectSound, mock, stage, visit } from './browser'

stage()

const shot = async (page: Page, name: string) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}`, fullPage: true }) }
const asked = (end: string) => mock.api.asked.filter((item) => item.method !== 'GET' && item.url.endsWith(end))

describe('executors outside', () => {
  for (const lang of ['uk', 'he'] as const) {
    for (const size of ['phone', 'desk'] as const) {
      it(`call the applicant and see who works with them: ${lang}, ${size}`, async () => {
        const visited = await visit('/work', { lang, user: 'executor', size })
        const { page } = visited
        await page.click('.order:has-text("вул. Паркова, 12")')
        const ring = page.locator('section:has(h2) button:has(svg).big').filter({ hasText: lang === 'uk' ? 'Зателефонувати' : 'להתקשר' })
        await ring.waitFor()
        expect(await page.locator('body').innerText()).toContain('67')
        await shot(page, `field-call-${lang}-${size}.png`)
        await expectSound(visited)
        await ring.click()
        await expect.poll(() => asked('/call').length).toBe(1)
        await page.waitForSelector('p[role=status]:not(:empty)')
        expect(await ring.isDisabled()).toBe(true)
        await shot(page, `field-talking-${lang}-${size}.png`)
      })

      it(`have a telephone, and a code whose state the administrator sees: ${lang}, ${size}`, async () => {
        const visited = await visit('/admin/operators', { lang, user: 'admin', size })
        const { page } = visited
        await page.locator('button[aria-label*="Мельник"]').first().click()
        await page.waitForSelector('dialog input[type=tel]')
        expect(await page.inputValue('dialog input[type=tel]')).toBe('+380501234567')
        await shot(page, `field-person-${lang}-${size}.png`)
        await expectSound(visited)
      })

      it(`are chosen by rules that the administrator can try: ${lang}, ${size}`, async () => {
        const visited = await visit('/admin/routing', { lang, user: 'admin', size })
        const { page } = visited
        await page.selectOption('main form select >> nth=0', 'water.burst')
        await page.waitForSelector('section.card h2')
        await shot(page, `routing-${lang}-${size}.png`)
        await expectSound(visited)
      })
    }
  }
})
