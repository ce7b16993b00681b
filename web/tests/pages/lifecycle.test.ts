// The less straight ways of a case, at the control desk and the operator's: what is asked, what is sent, how it looks.
import { describe, expect, it } from 'vitest'
import { expectSound, mock, stage, visit } from './browser'

stage()

const asked = (path: string) => mock.api.asked.filter((item) => item.method === 'POST' && item.url === `/api/v1/cases/${path}`).map((item) => item.body)

describe('control', () => {
  it('sends back what an inspector did not find done, one level up', async () => {
    const { page } = await visit('/control?case=2026-01-000388', { lang: 'en', user: 'control' })
    await page.click('button:has-text("Inspected: not done")')
    await page.fill('dialog textarea', 'the radiators are cold')
    await page.click('dialog button.main')
    await page.waitForSelector('.tag:has-text("Level 1")')
    expect(asked('2026-01-000388/inspection')).toEqual([{ passed: false, note: 'the radiators are cold' }])
  })

  it('lists what was drawn for inspection and records the visit', async () => {
    const { page } = await visit('/control?state=drawn', { lang: 'en', user: 'control' })
    await page.waitForSelector('text=nobody can predict')
    await page.click('li button:has-text("2026-01-000365")')
    await page.click('button:has-text("Inspected: done")')
    await page.fill('dialog textarea', 'the road is even')
    await page.click('dialog button.main')
    await page.waitForSelector('text=No cases drawn for inspection')
    expect(asked('2026-01-000365/inspection')).toEqual([{ passed: true, note: 'the road is even' }])
  })

  it('reopens a closed case with what is wrong again', async () => {
    const { page } = await visit('/control?case=2026-01-000365', { lang: 'en', user: 'control' })
    await page.click('summary:has-text("Other steps")')
    await page.click('button:has-text("Reopen")')
    await page.fill('dialog textarea', 'the hole is back')
    await page.click('dialog button.main')
    await page.waitForSelector('.tag:has-text("Round 2")')
    expect(asked('2026-01-000365/reopen')).toEqual([{ reason: 'the hole is back' }])
  })

  it('gives the work to another executor by hand, and refuses with a ground', async () => {
    const { page } = await visit('/control?case=2026-01-000417', { lang: 'en', user: 'control' })
    await page.click('summary:has-text("Other steps")')
    await page.click('button:has-text("Another executor")')
    expect(await page.isDisabled('dialog button.main')).toBe(true)
    await page.selectOption('dialog select', { index: 1 })
    await page.fill('dialog textarea', 'their pipe')
    await page.click('dialog button.main')
    await page.waitForSelector('dialog', { state: 'detached' })
    expect(asked('2026-01-000417/executor')).toHaveLength(1)
  })
})

describe('operator', () => {
  it('forwards a case, records the answer, and sees the state', async () => {
    const { page } = await visit('/desk?case=2026-01-000418', { lang: 'en', user: 'quiet' })
    await page.click('summary:has-text("Other steps")')
    await page.click('button:has-text("Forward to another body")')
    await page.fill('dialog input:not([type])', 'Oblenergo')
    await page.fill('dialog input[type=date]', '2099-12-31')
    await page.fill('dialog textarea', 'their pole')
    await page.click('dialog button.main')
    await page.waitForSelector('h2 .tag:has-text("with another body")')
    expect(asked('2026-01-000418/forward')).toEqual([{ to: 'Oblenergo', answer_by: '2099-12-31', reason: 'their pole' }])
    await page.click('button:has-text("The body sent it back")')
    await page.fill('dialog textarea', 'not ours')
    await page.click('dialog button.main')
    await page.waitForSelector('h2 .tag:has-text("registered")')
  })

  it('merges into a case that is offered first, and hears why not', async () => {
    const { page } = await visit('/desk?case=2026-01-000417', { lang: 'en', user: 'quiet' })
    await page.click('summary:has-text("Other steps")')
    await page.click('button:has-text("Merge into another")')
    await page.waitForSelector('dialog label:has-text("2026-01-000388")')
    expect(await page.locator('dialog label:has-text("2026-01-000365")').count(), 'closed cases take none').toBe(0)
    await page.fill('dialog textarea', 'the same pipe')
    await page.fill('dialog input.num', '2026-01-000365')
    await page.click('dialog button.main')
    await page.waitForSelector('dialog [role=alert]:has-text("the other case is closed")')
    await page.check('dialog label:has-text("2026-01-000402") input')
    await page.click('dialog button.main')
    await page.waitForSelector('h2 .tag:has-text("closed")')
    expect(asked('2026-01-000417/merge').at(-1)).toEqual({ into: '2026-01-000402', reason: 'the same pipe' })
  })
})

describe('looks', () => {
  for (const [lang, size] of [['uk', 'desk'], ['uk', 'phone'], ['he', 'desk'], ['he', 'phone']] as const) {
    it(`${lang} ${size}`, async () => {
      const control = await visit('/control?case=2026-01-000388', { lang, size, user: 'control' })
      await control.page.locator('article summary').click()
      await control.page.screenshot({ path: `screenshots/lifecycle-control.${lang}.${size}.png`, fullPage: size === 'phone' })
      await expectSound(control)
      await control.close()
      const desk = await visit('/desk?case=2026-01-000417', { lang, size, user: 'quiet' })
      await desk.page.locator('section summary').click()
      await desk.page.locator('section details .button').first().click()
      await desk.page.locator('dialog .candidate').first().waitFor()
      await desk.page.screenshot({ path: `screenshots/lifecycle-merge.${lang}.${size}.png` })
      await expectSound(desk)
      await desk.close()
    })
  }
})
