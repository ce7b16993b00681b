// The records office: what waits for a second person, what is held, what the rules end, what is gone. In Ukrainian and Hebrew,
// at the desk and on the phone.
import { describe, expect, it } from 'vitest'
import { asked, expectSound, stage, visit } from './browser'

stage()

const LOOKS = [['uk', 'phone'], ['he', 'phone'], ['uk', 'desk'], ['he', 'desk']] as const
const WAITING = 'section:has(#waiting)'
const HOLDS = 'section:has(#holds)'
/** Paths of what was sent about erasures, by their end. */
const sent = (path: string) => asked('POST', path).map((item) => item.body)

describe('the records office', () => {
  for (const [lang, size] of LOOKS) {
    for (const dark of [false, true]) {
      it(`shows what is kept and what goes: ${lang} ${size}${dark ? ' dark' : ''}`, async () => {
        const visited = await visit('/records', { lang, size, dark, user: 'records' })
        const { page } = visited
        await page.waitForSelector('section:has(#done) li')
        await page.screenshot({ path: `screenshots/records.${lang}.${size}${dark ? '.dark' : ''}.png`, fullPage: true })
        await expectSound(visited)
        const counts = await Promise.all([WAITING, HOLDS, 'section:has(#due)', 'section:has(#done)'].map((section) => page.locator(`${section} li`).count()))
        expect(counts).toEqual([2, 2, 2, 2])
        await page.click('li .bad.main')
        await page.waitForSelector('dialog .notice.bad')
        await expectSound(visited)
      })
    }
  }

  it('erases when a second person agrees, and never what the same person asked for', async () => {
    const { page, complaints } = await visit('/records', { lang: 'uk', user: 'records' })
    const own = page.locator(`${WAITING} li:has-text("2026-01-000365")`)
    await own.waitFor()
    expect(await own.locator('.bad').count(), 'their own wish is not theirs to agree to').toBe(0)
    await page.locator(`${WAITING} li:has-text("2026-01-000409") .bad.main`).click()
    await page.keyboard.press('Escape')
    await page.waitForSelector('dialog', { state: 'detached' })
    expect(sent('/erasures/e-1/agree'), 'a look is no consent').toEqual([])
    await page.locator(`${WAITING} li:has-text("2026-01-000409") .bad.main`).click()
    await page.click('dialog .bad.main')
    await page.waitForSelector('dialog', { state: 'detached' })
    expect(asked('POST', '/erasures/e-1/agree').length).toBe(1)
    await page.waitForSelector(`${WAITING} li:has-text("2026-01-000409") .tag`)
    expect(await page.locator(`${WAITING} li:has-text("2026-01-000409") button`).count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('refuses with a reason, and takes back what was asked', async () => {
    const { page } = await visit('/records', { lang: 'uk', user: 'records' })
    await page.locator(`${WAITING} li:has-text("2026-01-000409") .button`).last().click()
    await page.fill('dialog textarea', 'строк ще не минув')
    await page.locator('dialog form button').last().click()
    await page.waitForSelector(`${WAITING} li:has-text("2026-01-000409")`, { state: 'detached' })
    expect(sent('/erasures/e-1/refuse')).toEqual([{ reason: 'строк ще не минув' }])
    await page.locator(`${WAITING} li:has-text("2026-01-000365") .button`).click()
    await page.fill('dialog textarea', 'помилка')
    await page.locator('dialog form button').last().click()
    await page.waitForSelector(`${WAITING} li`, { state: 'detached' })
    expect(sent('/erasures/e-2/refuse')).toEqual([{ reason: 'помилка' }])
  })

  it('holds with reason and reference, and lifts with a reason', async () => {
    const { page } = await visit('/records', { lang: 'uk', user: 'records' })
    await page.locator('.head button').first().click()
    const inputs = page.locator('dialog form .input')
    await inputs.nth(0).fill('2026-01-000402')
    await inputs.nth(1).fill('ВП-7/26')
    expect(await page.isDisabled('dialog form button.main'), 'it takes a reason').toBe(true)
    await inputs.nth(2).fill('досудове розслідування')
    await page.click('dialog form button.main')
    await page.waitForSelector(`${HOLDS} li:has-text("2026-01-000402")`)
    expect(sent('/holds')).toEqual([{ case: '2026-01-000402', reason: 'досудове розслідування', reference: 'ВП-7/26' }])
    await page.locator(`${HOLDS} li:has-text("2026-01-000398") button`).click()
    await page.fill('dialog textarea', 'перевірку завершено')
    await page.locator('dialog form button').last().click()
    await page.waitForSelector(`${HOLDS} li:has-text("2026-01-000398")`, { state: 'detached' })
    expect(sent('/holds/h-2/lift')).toEqual([{ reason: 'перевірку завершено' }])
  })

  it('says why what is held cannot be erased, and keeps what was written', async () => {
    const { page } = await visit('/records', { lang: 'uk', user: 'records' })
    await page.locator('.head .bad').click()
    const inputs = page.locator('dialog form .input')
    await inputs.nth(0).fill('2026-01-000398')
    await inputs.nth(1).fill('заява')
    await page.click('dialog form button.main')
    await page.waitForSelector('dialog [role=alert]')
    expect(await inputs.nth(1).inputValue()).toBe('заява')
    await inputs.nth(0).fill('2026-01-000402')
    await page.click('dialog form button.main')
    await page.waitForSelector(`${WAITING} li:has-text("2026-01-000402")`)
    expect(sent('/erasures')).toHaveLength(2)
  })

  it('lets an administrator agree, and shows them no holds', async () => {
    const { page } = await visit('/records', { lang: 'uk', user: 'admin' })
    await page.waitForSelector(`${WAITING} li`)
    expect(await page.locator('#holds, .head button').count()).toBe(0)
    expect(asked('GET', '/holds').length + asked('GET', '/retention').length).toBe(0)
    expect(await page.locator('li .bad.main').count()).toBe(1)
  })
})
