// Engagements are opened and closed; a sample is worked through by the keyboard; what is over plays no further.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, stage, visit } from './browser'

stage()

const SAMPLE = '/audit?view=samples&sample=s-1'
/** The text of the pressed outcome. */
const pressed = (page: Page) => page.locator('section [aria-pressed=true].button').allTextContents()

describe('engagements', () => {
  it('are opened and ended by the records office, with what they are for', async () => {
    const { page, complaints } = await visit('/engagements', { lang: 'en', user: 'records' })
    await page.click('.head button')
    await page.selectOption('#auditor', 'u-7')
    await page.fill('#from', '2026-12-01T08:00')
    await page.fill('#until', '2026-12-20T18:00')
    await page.locator('dialog details summary').last().click()
    await page.locator('dialog input[value=emergency]').check()
    await page.fill('#purpose', 'Order 18')
    await page.click('dialog button.main')
    await page.waitForSelector('li:has-text("Order 18")')
    const body = asked('POST', '/audit/engagements')[0]!.body as Record<string, unknown>
    expect(body).toMatchObject({ auditor: 'u-7', from: '2026-12-01T06:00:00.000Z', until: '2026-12-20T16:00:00.000Z', scope: { queues: ['emergency'], categories: [], calls_from: null } })
    await page.locator('li:has-text("running") button').click()
    await page.fill('dialog textarea', 'report handed in')
    await page.locator('dialog form button').last().click()
    await page.waitForSelector('li:has-text("report handed in")')
    expect(complaints).toEqual([])
  })

  it('end an open player at the next block, with a word why', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'en', user: 'auditor' })
    await page.waitForSelector('.all')
    await page.keyboard.press('k')
    await page.waitForSelector('.all.playing')
    mock.api.audits.state.over = true
    await page.waitForSelector('.all:not(.playing) [role=alert]:has-text("nothing plays any more")', { timeout: 20_000 })
    // Nor what was fetched before.
    await page.keyboard.press('Shift+ArrowLeft')
    await page.keyboard.press('k')
    await page.waitForSelector('.all:not(.playing) [role=alert]')
    expect(mock.api.listening.played.length).toBeLessThanOrEqual(3)
  })
})

describe('a sample', () => {
  it('is fixed before anybody knows what decides', async () => {
    const { page } = await visit('/audit?view=samples', { lang: 'en', user: 'auditor' })
    await page.click('section button:has-text("New sample")')
    await page.fill('#calls-from', '2026-10-01T00:00')
    await page.fill('#calls-until', '2026-11-01T00:00')
    await page.fill('#size', '9999')
    await page.locator('#size').evaluate((input: HTMLInputElement) => input.removeAttribute('max'))
    await page.fill('#source', 'the lottery')
    await page.fill('#public-at', '2026-12-01T20:00')
    await page.click('dialog button.main')
    await page.waitForSelector('dialog [role=alert]:has-text("not as many calls")')
    await page.fill('#size', '40')
    await page.click('dialog button.main')
    await page.waitForSelector('#public-value')
    expect(asked('POST', '/audit/engagements/g-1/samples')[1]!.body).toMatchObject({ size: 40, strata: 'none', source: 'the lottery', calls_from: '2026-09-30T21:00:00.000Z' })
    await page.fill('#public-value', '4 8 15')
    await page.click('.list form button')
    await page.waitForSelector('[role=alert]:has-text("not out yet")')
  })

  it('is worked through: outcomes, findings, the next by a key, the report', async () => {
    const { page, complaints } = await visit(SAMPLE, { lang: 'en', user: 'auditor' })
    await page.locator('ol li button').first().click()
    await page.waitForSelector('.all')
    await page.click('section button:has-text("finding")')
    await page.waitForSelector('section [role=alert]:has-text("Note the finding")')
    await page.keyboard.press('ArrowRight')
    await page.locator('.canvas').click({ position: { x: 5, y: 5 } })
    await page.keyboard.press('k')
    await page.keyboard.press('m')
    await page.fill('#finding', 'interrupts')
    await page.click('.findings button.main')
    await page.waitForSelector('.findings li')
    await page.click('section button:has-text("finding")')
    await page.waitForSelector('.list :text("1 of 3 judged")')
    expect(await pressed(page)).toEqual(['finding'])
    await page.locator('.list b').first().focus()
    await page.keyboard.press('x')
    await page.waitForURL('**call=c-2**')
    await page.waitForSelector('section b:has-text("Call 2")')
    await page.selectOption('section select.input[aria-label="Not usable"]', 'no_speech')
    await page.waitForSelector('.list :text("2 of 3 judged")')
    await page.click('section button:has-text("Next in the sample")')
    await page.waitForURL('**call=c-3**')
    await page.click('.list button:has-text("Report")')
    await page.waitForSelector('.report li:has-text("interrupts")')
    expect(await page.locator('.report table').textContent()).toMatch(/finding\s*1.*nobody speaks\s*1.*not judged\s*1/)
    await page.emulateMedia({ media: 'print' })
    expect(await page.locator('.list').isVisible()).toBe(false)
    expect(complaints.filter((text) => !text.includes('409'))).toEqual([])
  })

  for (const lang of ['uk', 'he'] as const) {
    for (const [size, dark] of [['desk', false], ['phone', true]] as const) {
      it(`is sound: ${lang} ${size}`, async () => {
        for (const [path, user, selector] of [['/audit?view=samples', 'auditor', '.list section li'], [SAMPLE, 'auditor', 'ol li'], [`${SAMPLE}&call=c-1`, 'auditor', '.all'], [`${SAMPLE}&report=1`, 'auditor', '.report'], ['/engagements', 'records', '.page li']] as const) {
          const visited = await visit(path, { lang, size, dark, user })
          await visited.page.waitForSelector(selector)
          await expectSound(visited)
          await visited.close()
        }
      })
    }
  }
})
