// Organisations that work with the executor, at the control desk and the operator's: who, how far, until when and why not; a
// declined part is given to another or done without.
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, type Size, stage, visit } from './browser'

stage()

const SHARED = '2026-01-000409'
const EVERYWHERE = (['desk', 'phone'] as const satisfies readonly Size[]).flatMap((size) => ['uk', 'he'].map((lang) => ({ size, lang })))
const given = () => asked('POST', `/cases/${SHARED}/part-give`).map(({ body }) => body)

describe('parts of a case', () => {
  it('are shown with state, deadline and why one was declined, and given to another organisation', async () => {
    const visited = await visit(`/control?case=${SHARED}`, { lang: 'en', user: 'control' })
    const { page } = visited
    const part = (name: string) => page.locator('.parts li', { hasText: name })
    await part('Шляхбуд').waitFor()
    expect(await page.locator('.parts li').count()).toBe(3)
    expect(await part('Шляхбуд').innerText()).toMatch(/declined: a dispatcher decides[\s\S]*Why: Це не наша дорога/)
    expect(await part('Міськсвітло').innerText()).toContain('accepted')
    expect(await part('Чисте місто').innerText()).toContain('done')
    expect(await part('Чисте місто').locator('button').count(), 'what is done is not given away').toBe(0)
    expect(await part('Шляхбуд').locator('.tag').count(), 'state and deadline').toBe(2)
    expect(await page.locator('dd', { hasText: 'dispatcher' }).count(), 'who is to decide').toBe(1)

    await part('Шляхбуд').getByRole('button', { name: 'Give to somebody else' }).click()
    const dialog = page.locator('dialog')
    const give = dialog.locator('button.main')
    expect(await dialog.locator('select option').allInnerTexts(), 'nobody who has a part already, and not the lead')
      .toEqual(['—', 'Міськтепло', 'nobody: the others do without'])
    expect(await give.isDisabled(), 'nobody is chosen').toBe(true)
    await dialog.locator('select').selectOption({ label: 'Міськтепло' })
    expect(await give.isDisabled(), 'nobody knows why').toBe(true)
    await dialog.locator('textarea').fill('their trench')
    await give.click()
    await dialog.waitFor({ state: 'detached' })
    await part('Міськтепло').filter({ hasText: 'waiting for an answer' }).waitFor()
    expect(await part('Шляхбуд').count()).toBe(0)
    expect(given()).toEqual([{ from: 'shliakh', to: 'teplo', reason: 'their trench' }])
    await expectSound(visited)
  })

  it('are done without, and a refusal is shown where it was asked', async () => {
    const { page } = await visit(`/control?case=${SHARED}`, { lang: 'en', user: 'supervisor' })
    const open = () => page.locator('.parts li', { hasText: 'Шляхбуд' }).getByRole('button').click()
    await open()
    await page.locator('dialog select').selectOption({ label: 'Міськтепло' })
    await page.locator('dialog textarea').fill('their trench')
    // Somebody else was faster.
    mock.api.cases.find((item) => item.number === SHARED)!.parts!.push({ executor: 'teplo', executor_name: 'Міськтепло', state: 'asked', resolve_by: null, reason: null })
    await page.locator('dialog button.main').click()
    await page.locator('dialog [role=alert]', { hasText: 'has a part of the work already' }).waitFor()
    await page.locator('dialog select').selectOption({ label: 'nobody: the others do without' })
    await page.getByRole('button', { name: 'Do without this part' }).click()
    await page.locator('dialog').waitFor({ state: 'detached' })
    expect(given().at(-1)).toEqual({ from: 'shliakh', reason: 'their trench' })
    await page.locator('.parts li', { hasText: 'Шляхбуд' }).waitFor({ state: 'detached' })
  })

  it('are seen at the desk, where an operator gives nothing away', async () => {
    const visited = await visit(`/desk?case=${SHARED}`, { lang: 'en', user: 'quiet' })
    await visited.page.locator('.parts li', { hasText: 'Це не наша дорога' }).waitFor()
    expect(await visited.page.locator('.parts button').count()).toBe(0)
    await expectSound(visited)
  })

  it.each(EVERYWHERE)('$lang $size', async ({ size, lang }) => {
    const visited = await visit(`/control?case=${SHARED}`, { user: 'control', lang, size })
    const { page } = visited
    await page.locator('.parts li.declined').scrollIntoViewIfNeeded()
    await page.screenshot({ path: `screenshots/control-parts.${lang}.${size}.png`, fullPage: size === 'phone' })
    await expectSound(visited)
    await page.locator('.parts li.declined button').click()
    await page.locator('dialog textarea').waitFor()
    await page.screenshot({ path: `screenshots/control-parts-give.${lang}.${size}.png` })
    await expectSound(visited)
    const { page: desk } = await visit(`/desk?case=${SHARED}`, { user: 'quiet', lang, size })
    await desk.locator('.parts li.declined').scrollIntoViewIfNeeded()
    await desk.screenshot({ path: `screenshots/desk-parts.${lang}.${size}.png` })
  })
})
