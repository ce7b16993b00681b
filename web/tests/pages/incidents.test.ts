// Mass outages on the pages: declared, moved, restored; attached by one key; what the wall and the world see of them.
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, stage, visit, type Size } from './browser'

stage()

const bodies = (path: string) => asked('POST', path).map((item) => item.body)

describe('control', () => {
  it('declares an incident on a street and in a district', async () => {
    const { page } = await visit('/control?view=incidents', { lang: 'en', user: 'control' })
    await page.click('button:has-text("Declare an incident")')
    await page.selectOption('#what', 'water.burst')
    await page.selectOption('#cause', 'power_cut')
    expect(await page.isDisabled('dialog button.main')).toBe(true)
    await page.check('dialog input[value=center]')
    await page.fill('#street', 'Паркова')
    await page.click('dialog [role=option]')
    await page.fill('#houses-0', '1-2x')
    await page.waitForSelector('text=Write the numbers as in')
    await page.fill('#houses-0', '1-25, 40')
    await page.selectOption('#side-0', 'odd')
    await page.waitForFunction(() => (document.querySelector('#who') as HTMLSelectElement).value !== '')
    await page.click('dialog button:has-text("Not known yet")')
    await page.click('dialog button.main')
    await page.waitForSelector('dialog', { state: 'detached' })
    const [body] = bodies('/incidents') as [{ cause: string, expected: null, area: { territories: string[], streets: { houses: unknown }[] } }]
    expect(body).toMatchObject({ category: 'water.burst', cause: 'power_cut', expected: null, area: { whole_city: false, territories: ['center'] } })
    expect(body.area.streets[0]?.houses).toEqual([{ from: 1, to: 25, side: 'odd' }, { from: 40, to: 40, side: 'both' }])
    await page.waitForSelector('text=time being clarified')
  })

  it('moves the time, and says that it is over', async () => {
    mock.api.incidents.happen()
    const { page } = await visit('/control?view=incidents', { lang: 'en', user: 'supervisor' })
    await page.waitForSelector('.tag:has-text("time has passed")')
    await page.click('li:has-text("Incident 11") button:has-text("Move the time")')
    await page.fill('#expected', '2099-12-31T18:00')
    await page.fill('#why', 'the wind')
    await page.click('dialog button.main')
    await page.waitForSelector('.tag:has-text("time has passed")', { state: 'detached' })
    expect(bodies('/incidents/11/expect')).toMatchObject([{ reason: 'the wind', expected: '2099-12-31T16:00:00.000Z' }])
    await page.click('li:has-text("Incident 12") button:has-text("Restored")')
    await page.waitForSelector('text=each of the 412 attached')
    await page.click('dialog button.main')
    await page.waitForSelector('li:has-text("Incident 12") li.queued:has-text("412")')
  })
})

describe('operator', () => {
  it('attaches the case on the screen with one key', async () => {
    mock.api.incidents.happen()
    const { page } = await visit('/desk?case=2026-01-000418', { lang: 'en', user: 'quiet' })
    await page.waitForSelector('text=Incident here')
    await page.keyboard.press('Alt+i')
    await page.waitForSelector('text=The case is part of incident 12')
    expect(bodies('/cases/2026-01-000418/incident')).toEqual([{ incident: 12 }])
  })
})

describe.each([['uk', 'desk'], ['he', 'desk'], ['uk', 'phone'], ['he', 'phone']] as [string, Size][])('in %s on the %s', (lang, size) => {
  it.each([['/control?view=incidents', 'control', 'incidents'], ['/', undefined, 'citizen'], ['/desk?case=2026-01-000418', 'quiet', 'desk']] as const)('%s is sound', async (path, user, name) => {
    mock.api.incidents.happen()
    const seen = await visit(path, { lang, user, size })
    await seen.page.waitForSelector(name === 'citizen' ? '#known' : 'text=12')
    await expectSound(seen)
    if (process.env.SHOTS) await seen.page.screenshot({ path: `${process.env.SHOTS}/${name}-${lang}-${size}.png`, fullPage: name !== 'desk' })
  })
})

it.each(['wall', 'smallwall'] as Size[])('the %s shows them and nobody', async (size) => {
  mock.api.incidents.happen()
  const seen = await visit('/board?wall=1', { lang: 'uk', user: 'supervisor', size })
  await seen.page.waitForSelector('text=Північний район')
  await expectSound(seen)
  if (process.env.SHOTS) await seen.page.screenshot({ path: `${process.env.SHOTS}/wall-${size}.png` })
})

it('declaring fits a phone and a reader of Hebrew', async () => {
  for (const [lang, size] of [['he', 'phone'], ['uk', 'desk']] as [string, Size][]) {
    const seen = await visit('/control?view=incidents', { lang, user: 'control', size })
    await seen.page.click('button.main')
    await seen.page.fill('#street', 'Паркова')
    await seen.page.click('dialog [role=option]')
    await seen.page.waitForSelector('#houses-0')
    await expectSound(seen)
    if (process.env.SHOTS) await seen.page.screenshot({ path: `${process.env.SHOTS}/declare-${lang}-${size}.png` })
    await seen.close()
  }
})
