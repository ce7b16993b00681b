// Asking a colleague beside a citizen's call, all three, handing over: what the desk shows and does at every step. The phone
// is a fake behind the interface; the real one talks in tests/e2e/desk_consult.rs.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { expectSound, mock, SIZES, stage, visit } from './browser'

stage()

interface FakePhone {
  did: string[], comes: number, line: (line: string) => void, ring: (from: string) => void, end: () => void
  colleagueAnswers: () => void, colleagueGone: (outcome: string) => void, ending: () => void, handedOver: (done: boolean) => void
}
const FAKE = readFileSync('tests/pages/fake-phone.js', 'utf8')

const fake = <T>(page: Page, act: (phone: FakePhone) => T) => page.evaluate(`(${act})(window.fakePhone)`) as Promise<T>
const did = (page: Page) => fake(page, (phone) => phone.did)

/** The desk of an operator who talks with a citizen by the phone in the page. */
async function talking(lang = 'en', size: keyof typeof SIZES = 'desk', dark = false) {
  const [call, me] = [mock.api.live.calls[0]!, mock.api.live.operators[0]!]
  Object.assign(call, { phase: 'talking', position: null })
  Object.assign(me, { status: 'talking' })
  const visited = await visit('/desk', {
    lang, size, dark, user: 'operator',
    prepare: async (context) => {
      await context.route('**/assets/jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
      await context.addInitScript(() => localStorage.setItem('ringback.phone', 'page'))
    },
  })
  const { page } = visited
  await page.waitForSelector('.phone .tag.good')
  await fake(page, (phone) => phone.ring('+380445550118'))
  await page.keyboard.press('F9')
  await page.waitForSelector('.controls')
  return visited
}

/** Sofiia, 105, is ready. */
async function asks(page: Page) {
  await page.keyboard.press('F7')
  await page.locator('dialog .choice').first().waitFor()
  await page.keyboard.type('105')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.colleague:not(.talking)')
}

async function answered(page: Page) {
  await asks(page)
  await fake(page, (phone) => phone.colleagueAnswers())
  await page.waitForSelector('.colleague.talking')
}

describe('asking a colleague', () => {
  it('finds them by name or extension and shows what each is doing', async () => {
    const { page, complaints } = await talking()
    await page.click('button:has-text("Consult")')
    await page.waitForSelector('dialog .choice.first .tag.good:has-text("ready")')
    // Who cannot be called is shown, and cannot be chosen.
    expect(await page.locator('dialog .choice:has-text("Давид Кац")').isDisabled()).toBe(true)
    expect(await page.locator('dialog .choice:has-text("Олена Коваль")').count()).toBe(0)
    await page.keyboard.type('дав')
    await page.waitForFunction(() => document.querySelectorAll('dialog .choice').length === 1)
    await page.keyboard.press('Enter')
    await page.fill('dialog input', 'бондар іг')
    await page.waitForSelector('dialog .choice.first .tag.warn:has-text("lunch")')
    await page.fill('dialog input', 'nobody at all')
    await page.waitForSelector('dialog :text("Nobody found")')
    await page.fill('dialog input', '10')
    await page.click('dialog .choice:has-text("Софія Ткаченко")')
    await page.waitForSelector('dialog', { state: 'detached' })
    await page.waitForSelector('.colleague:has-text("calling…"):has-text("Софія Ткаченко")')
    await page.waitForSelector('.call.waits')
    expect((await did(page)).slice(2)).toEqual(['consult 105'])
    expect(complaints).toEqual([])
  })

  it('goes to and fro, all three, and hands over, by keys alone', async () => {
    const { page, complaints } = await talking()
    await page.focus('#description')
    await answered(page)
    await page.keyboard.press('F6')
    await page.waitForSelector('.colleague:has-text("on hold, hears music")')
    await page.waitForSelector('.call:not(.waits)')
    await page.keyboard.press('F6')
    await page.waitForSelector('.call.waits')
    await page.keyboard.press('F7')
    await page.waitForSelector('.three:has-text("All three hear one another")')
    await page.keyboard.press('F3')
    await page.waitForSelector('.controls [aria-pressed=true]:has-text("Muted")')
    await page.keyboard.press('F10')
    await page.waitForSelector('.colleague:has-text("connecting with the caller")')
    expect(await page.locator('.controls button:not(:disabled)').count()).toBe(1)
    await fake(page, (phone) => phone.handedOver(true))
    Object.assign(mock.api.live.operators[0]!, { status: 'wrap_up', wrap_up_ends_at: (Date.now() + 60_000) * 1000 })
    Object.assign(mock.api.live.calls[0]!, { operator: 'u-11' })
    mock.api.changed()
    await page.waitForSelector('.notice.good:has-text("Connected: the caller talks with")')
    await page.waitForSelector('button:has-text("Done, ready for the next")')
    expect((await did(page)).slice(2)).toEqual(['consult 105', 'talkTo caller', 'talkTo colleague', 'talkTo both', 'mute true', 'handOver'])
    expect(complaints).toEqual([])
  })

  it('brings the caller back when the colleague is gone, or cannot take over, and says so', async () => {
    const { page } = await talking()
    for (const [outcome, text] of [['busy', 'is busy or declined'], ['unanswered', 'does not answer'], ['unreachable', 'cannot be reached'], ['hung_up', 'has hung up'], ['cut_off', 'was cut off']] as const) {
      await asks(page)
      expect(await page.locator('.notice[role=alert]').count(), outcome).toBe(0)
      await page.evaluate((outcome) => (window as unknown as { fakePhone: FakePhone }).fakePhone.colleagueGone(outcome), outcome)
      await page.waitForSelector(`.notice.warn[role=alert]:has-text("Софія Ткаченко"):has-text("${text}"):has-text("You are back with the caller")`)
      await page.waitForSelector('.call:not(.waits)')
    }
    await answered(page)
    await page.click('button:has-text("Connect them")')
    await fake(page, (phone) => phone.handedOver(false))
    await page.waitForSelector('.notice.warn:has-text("could not be connected")')
    await page.waitForSelector('.call:not(.waits)')
    await page.waitForSelector('.colleague:has-text("on hold")')
  })

  it('never ends the citizen’s call while the colleague is there', async () => {
    const { page } = await talking()
    await asks(page)
    await page.keyboard.press('F8')
    await page.waitForSelector('.colleague', { state: 'detached' })
    await answered(page)
    await page.keyboard.press('F7')
    await page.waitForSelector('.three')
    await page.click('button:has-text("Let the colleague go")')
    await page.waitForSelector('.colleague', { state: 'detached' })
    expect((await did(page)).slice(2)).toEqual(['consult 105', 'endConsultation', 'consult 105', 'talkTo both', 'endConsultation'])
    await page.keyboard.press('F8')
    expect((await did(page)).at(-1)).toBe('hangUp')
  })

  it('keeps both while the line is lost, and says what has to wait', async () => {
    const { page } = await talking()
    await fake(page, (phone) => phone.line('lost'))
    await page.waitForSelector('button:has-text("Consult"):disabled')
    await page.keyboard.press('F7')
    expect(await page.locator('dialog').count()).toBe(0)
    await fake(page, (phone) => phone.line('registered'))
    await answered(page)
    await fake(page, (phone) => phone.line('lost'))
    await page.waitForSelector('.notice:has-text("The calls go on; you can switch in a moment")')
    expect(await page.locator('.controls button:disabled').count()).toBe(3)
    await fake(page, (phone) => phone.ending())
    await page.waitForSelector('.colleague:has-text("ending as soon as the connection is back")')
    await fake(page, (phone) => phone.line('registered'))
    await page.waitForSelector('.notice:has-text("The calls go on")', { state: 'detached' })
  })

  it('goes on without the citizen', async () => {
    const { page } = await talking()
    await answered(page)
    await fake(page, (phone) => phone.end())
    mock.api.live.calls.shift()
    mock.api.changed()
    await page.waitForSelector('.notice:has-text("The caller has hung up")')
    await page.waitForSelector('.colleague.talking')
    await page.click('button:has-text("Hang up")')
    await page.waitForSelector('.colleague', { state: 'detached' })
    expect((await did(page)).at(-1)).toBe('endConsultation')
  })
})

it('shows who is asked the case it is about', async () => {
  // A colleague who talks with another citizen asks us.
  const [call, me] = [mock.api.live.calls[0]!, mock.api.live.operators[0]!]
  const asking = mock.api.live.calls.find((item) => item.id === 'l-12')!
  Object.assign(call, { id: 'k-1', caller: '111', phase: 'talking', position: null, language: null, topic: null, ivr_path: [], queue: null, case: null, placed_by: asking.operator })
  Object.assign(me, { status: 'talking', contact: 'k-1' })
  const { page } = await visit('/desk', { lang: 'en', user: 'operator' })
  await page.waitForSelector('.call:has-text("A colleague asks you"):has-text("Надія Вовк")')
  await page.waitForSelector('.notice:has-text("You see the case it is about")')
  await page.waitForSelector(`main :text("${asking.case}")`)
  // A talk among colleagues is neither passed on nor given an outcome.
  expect(await page.locator('button:has-text("Transfer"), .dispositions').count()).toBe(0)
})

it('says when nothing is heard', async () => {
  const { page } = await talking()
  await page.waitForSelector('.quality .tag.warn:has-text("Fair line")')
  await fake(page, (phone) => { phone.comes = 0 })
  await page.waitForSelector('.quality .tag.bad:has-text("No sound comes")')
})

const LOOKING_MS = 180_000

describe('looks right', () => {
  for (const [lang, size, dark] of [['uk', 'desk', false], ['uk', 'phone', false], ['he', 'desk', false], ['he', 'phone', false], ['en', 'desk', true]] as const) {
    it(`${lang} ${size}${dark ? ' in the dark' : ''}`, async () => {
      const visited = await talking(lang, size, dark)
      const { page } = visited
      const overflow = () => page.locator('.column').first().evaluate((column) => column.scrollWidth - column.clientWidth)
      const shoot = async (name: string) => {
        expect(await overflow(), name).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `screenshots/consult-${name}.${lang}.${dark ? 'dark' : size}.png`, fullPage: size === 'phone' })
        await expectSound(visited)
      }
      await page.keyboard.press('F7')
      await page.locator('dialog .choice').first().waitFor()
      await shoot('choose')
      await page.keyboard.press('Escape')
      await asks(page)
      await shoot('calling')
      await fake(page, (phone) => phone.colleagueAnswers())
      await page.locator('.quality').waitFor()
      await shoot('asking')
      await page.keyboard.press('F7')
      await page.locator('.three').waitFor()
      await page.locator('.quality').waitFor()
      await shoot('three')
      if (size === 'desk') {
        await page.setViewportSize({ width: 1000, height: 800 })
        expect(await overflow()).toBeLessThanOrEqual(0)
        await page.screenshot({ path: `screenshots/consult-three.${lang}.narrow.png` })
        await page.setViewportSize(SIZES.desk)
      }
      await fake(page, (phone) => phone.colleagueGone('hung_up'))
      await page.locator('.notice[role=alert]').waitFor()
      await shoot('gone')
      await visited.close()
    }, LOOKING_MS)
  }
})
