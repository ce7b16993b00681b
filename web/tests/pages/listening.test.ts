// The auditor listens: by what is clicked and pressed, and what of it the service was asked for and put on the record.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, stage, visit } from './browser'

stage()

/** Where the cursor is, in seconds. */
const second = (page: Page) => page.locator('.canvas').getAttribute('aria-valuenow').then(Number)
const plays = (page: Page) => page.waitForSelector('.all.playing')
const stands = (page: Page) => page.waitForSelector('.all:not(.playing)')
/** Waits until the cursor is between two seconds. */
const isWithin = (page: Page, from: number, to: number) => page.waitForFunction(([from, to]) => {
  const at = Number(document.querySelector('.canvas')?.getAttribute('aria-valuenow'))
  return at >= from! && at <= to!
}, [from, to])

/** Seconds of sound that were asked for, in order. */
const sent = () => mock.api.listening.played.map((item) => item.data!.seconds as [number, number])

describe('listening', () => {
  it('asks for no sound before it is to be heard, then for what is about to be', async () => {
    const { page, complaints } = await visit('/audit?call=c-1', { lang: 'en', user: 'auditor' })
    await page.waitForSelector('.jump')
    expect(sent()).toEqual([])
    await page.click('li:has-text("Operator picked up") .jump')
    await plays(page)
    await isWithin(page, 32, 36)
    expect(sent()[0]).toEqual([30, 35])
    // Five seconds at a time, and never far ahead of the ear.
    await page.keyboard.press('k')
    await stands(page)
    const most = Math.max(...sent().map(([, to]) => to!))
    expect(most).toBeLessThanOrEqual((await second(page)) + 9)
    // What was heard is on the record, and the page shows it.
    await page.waitForSelector('section:has(h2:has-text("Who listened")) li:has-text("Auditor")')
    expect(complaints).toEqual([])
  })

  it('goes through the call by keys alone', async () => {
    const { page, complaints } = await visit('/audit?call=c-1', { lang: 'uk', user: 'auditor' })
    await page.waitForSelector('.all')
    const press = async (key: string, wanted: number) => {
      await page.keyboard.press(key)
      expect([key, await second(page)]).toEqual([key, wanted])
    }
    await press('ArrowRight', 5)
    await press('Shift+ArrowRight', 20)
    await press('ArrowLeft', 15)
    await press('n', 17)
    await press('n', 31)
    await press('n', 52)
    await press('p', 31)
    await press('e', 72)
    await press('Shift+ArrowLeft', 57)
    expect(sent()).toEqual([])
    // Faster, without silence.
    for (let i = 0; i < 2; i += 1) await page.keyboard.press(']')
    expect(await page.locator('.speed select').inputValue()).toBe('1.5')
    await page.keyboard.press('0')
    expect(await page.locator('.speed select').inputValue()).toBe('1')
    await page.keyboard.press('s')
    await press('ArrowRight', 62)
    await page.keyboard.press('k')
    await plays(page)
    await isWithin(page, 72, 76)
    expect(sent()).not.toContainEqual([65, 70])
    await page.keyboard.press('k')
    await stands(page)
    // One side only.
    await page.keyboard.press('2')
    expect(await page.locator('.volume.side1 input').inputValue()).toBe('0')
    await page.keyboard.press('2')
    expect(await page.locator('.volume.side1 input').inputValue()).toBe('1')
    // What is written is text, not a command.
    await page.focus('#caller')
    const before = await second(page)
    await page.keyboard.type('0n')
    expect(await second(page)).toBe(before)
    expect(complaints).toEqual([])
  })

  it('goes round a loop until it is left', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'en', user: 'auditor' })
    await page.waitForSelector('.all')
    await page.keyboard.press('n')
    await page.keyboard.press('l')
    await page.waitForSelector('.chip:has-text("to here")')
    await page.evaluate(() => document.querySelector('.canvas')!.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true })))
    await page.keyboard.press('l')
    await page.waitForSelector('.chip[aria-pressed=true]:has-text("Loop: off")')
    await page.keyboard.press('k')
    await plays(page)
    // Twice round a second of sound takes two: it is still there and plays.
    await page.waitForTimeout(2500)
    const at = await second(page)
    expect(at >= 0 && at <= 2).toBe(true)
    await page.waitForSelector('.all.playing')
    await page.keyboard.press('Shift+ArrowRight')
    await page.waitForSelector('.chip[aria-pressed=false]:has-text("Loop: from here")')
    await isWithin(page, 15, 20)
  })

  it('moves the history with the sound', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'he', user: 'auditor', size: 'phone' })
    await page.waitForSelector('li .jump')
    const last = page.locator('.history li:has(.jump)').nth(11)
    const wanted = await last.locator('.name').textContent()
    await last.locator('.jump').click()
    await page.waitForSelector(`.history li.current:has-text("${wanted}")`)
    await page.waitForFunction(() => {
      const [box, current] = [document.querySelector('.history')!.getBoundingClientRect(), document.querySelector('.history li.current')!.getBoundingClientRect()]
      return current.top >= box.top && current.bottom <= box.bottom
    })
  })

  for (const [lang, title] of [['uk', 'Клавіші'], ['he', 'מקשים']] as const) {
    for (const [size, dark] of [['desk', false], ['phone', true]] as const) {
      it(`is sound with the keys told: ${lang} ${size}`, async () => {
        const visited = await visit('/audit?call=c-1', { lang, size, dark, user: 'auditor' })
        const { page } = visited
        await page.waitForSelector('.all')
        expect(await page.locator('.steps').evaluate((steps) => getComputedStyle(steps).direction)).toBe('ltr')
        await expectSound(visited)
        await page.keyboard.press('?')
        await page.waitForSelector(`dialog h2:has-text("${title}")`)
        await expectSound(visited)
        await page.locator('dialog input[type=checkbox]').uncheck()
        await page.keyboard.press('Escape')
        await page.keyboard.press('n')
        expect(await second(page)).toBe(0)
        await page.keyboard.press('ArrowRight')
        expect(await second(page)).toBe(5)
        if (size === 'phone') {
          const small = await page.locator('.controls button, .controls select, .controls input').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height < 43.9).map((one) => one.outerHTML.slice(0, 80)))
          expect(small).toEqual([])
        }
      })
    }
  }

  it('wants a reason of who is no auditor, and keeps it with each second', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'en', user: 'mayor' })
    await page.fill('#reason', 'a complaint about the tone')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.all')
    await page.click('.round')
    await plays(page)
    expect(asked('GET', '/calls/c-1/recording').every(({ url }) => url.includes('reason=a+complaint'))).toBe(true)
    await page.click('.round')
    await page.waitForSelector('section:has(h2:has-text("Who listened")) .reason:has-text("tone")')
  })
})

describe('findings', () => {
  for (const [lang, size, dark] of [['uk', 'desk', false], ['he', 'phone', true]] as const) {
    it(`are pinned to the second that is heard: ${lang} ${size}`, async () => {
      const visited = await visit('/audit?call=c-1', { lang, size, dark, user: 'auditor' })
      const { page } = visited
      await page.waitForSelector('.all')
      await page.keyboard.press('n')
      await page.keyboard.press('n')
      const at = await second(page)
      await page.keyboard.press('m')
      await page.fill('#finding', lang === 'uk' ? 'Перебиває заявника' : 'קוטע את הפונה')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.findings li .jump')
      expect(asked('POST', '/calls/c-1/findings')[0]?.body).toMatchObject({ recording: 'r-c-1', offset_ms: 6200 })
      await expectSound(visited)
      await page.keyboard.press('Shift+ArrowRight')
      await page.click('.findings li .jump')
      await plays(page)
      await isWithin(page, at, at + 4)
    })
  }

  it('are not offered to who is no auditor, nor shown to supervisors', async () => {
    const { page } = await visit('/audit?call=c-2', { lang: 'en', user: 'supervisor' })
    await page.fill('#reason', 'training')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.all')
    expect(await page.locator('.findings').count()).toBe(0)
    expect(asked('GET', '/calls/c-2/findings')).toEqual([])
  })
})

describe('search', () => {
  for (const [lang, size] of [['uk', 'desk'], ['he', 'phone']] as const) {
    it(`narrows by words, outcome, category and operator: ${lang} ${size}`, async () => {
      const visited = await visit('/audit', { lang, size, user: 'auditor' })
      const { page } = visited
      await page.waitForSelector('.list li button')
      await page.click('.filters summary')
      await page.waitForFunction(() => document.querySelectorAll('#operator option').length > 1)
      await expectSound(visited)
      await page.selectOption('#disposition', 'case_created')
      await page.selectOption('#category', 'water.burst')
      await page.fill('#words', 'холодні батареї')
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => document.querySelectorAll('.list li').length === 1)
      const url = new URL(asked('GET', '/calls').at(-1)!.url, 'http://mock')
      expect(Object.fromEntries(url.searchParams)).toEqual({ disposition: 'case_created', category: 'water.burst', words: 'холодні батареї' })
      // Where a search stood is kept in many places; the words of citizens are not to be.
      expect(new URL(page.url()).searchParams.has('words')).toBe(false)
      expect(new URL(page.url()).searchParams.get('disposition')).toBe('case_created')
      await page.click('.list li button')
      await page.waitForSelector('.all')
      await expectSound(visited)
    })
  }

  it('goes on to the next call of what was found', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'en', user: 'auditor' })
    await page.waitForSelector('.all')
    await page.keyboard.press('x')
    await page.waitForURL('**/audit?call=c-2')
    await page.waitForSelector('.all')
  })
})
