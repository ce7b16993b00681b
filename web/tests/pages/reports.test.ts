// The weekly report: the list behind a figure is as long as the figure says, the week before is one step away, and what the
// journal tells otherwise is said. In Ukrainian and Hebrew, at the desk and on the phone.
import { describe, expect, it } from 'vitest'
import { asked, expectSound, type Size, stage, visit } from './browser'

stage()

describe('the weekly report', () => {
  for (const [lang, size] of [['uk', 'desk'], ['he', 'desk'], ['uk', 'phone'], ['he', 'phone']] as const satisfies readonly (readonly [string, Size])[]) {
    it(`opens to its lists: ${lang} ${size}`, async () => {
      const visited = await visit('/reports', { user: 'mayor', lang, size })
      const { page } = visited
      const share = page.locator('[data-indicator=false_closures]')
      await share.locator('summary').click()
      await page.screenshot({ path: `screenshots/weekly.${lang}.${size}.png`, fullPage: true })
      await expectSound(visited)
      await share.locator('.line button.value').first().click()
      await page.locator('dialog [data-total]').waitFor()
      expect(await page.locator('dialog li').count()).toBe(9)
      await page.screenshot({ path: `screenshots/weekly-list.${lang}.${size}.png` })
      await expectSound(visited)
      await page.keyboard.press('Escape')
      await share.locator('tbody tr').last().locator('button').click()
      await page.locator('dialog [data-total]').waitFor()
      expect(await page.locator('dialog li').count()).toBe(3)
      await visited.close()
    })
  }

  it('is recomputed, and the week before differs', async () => {
    const visited = await visit('/reports', { user: 'auditor', lang: 'uk' })
    const { page } = visited
    await page.getByRole('button', { name: 'Перерахувати з журналу' }).click()
    await page.locator('[data-same]').waitFor()
    await page.getByRole('button', { name: 'Попередній тиждень' }).click()
    await page.getByText('2026-W46').waitFor()
    expect(await page.locator('[data-same]').count()).toBe(0)
    await page.getByRole('button', { name: 'Перерахувати з журналу' }).click()
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').innerText()).toContain('5 / 40')
    await page.screenshot({ path: 'screenshots/weekly-differs.uk.desk.png' })
    await expectSound(visited)
    expect(asked('POST', '/reports/weekly/recompute')).toBeDefined()
    await visited.close()
  })

  it('is not recomputed by everybody', async () => {
    const visited = await visit('/reports', { user: 'control', lang: 'uk' })
    await visited.page.locator('[data-indicator]').first().waitFor()
    expect(await visited.page.getByRole('button', { name: 'Перерахувати з журналу' }).count()).toBe(0)
    await visited.close()
  })
})
