// The supervisor's board and its big screen: what a person finds there, and what nobody may read there.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { LANGUAGES } from '../../src/lib/i18n/catalogue'
import { expectSound, mock, stage, visit } from './browser'
import { millis } from '../../src/lib/time'

stage()

const open = (path = '/board', options: Partial<Parameters<typeof visit>[1]> = {}) => visit(path, { user: 'supervisor', lang: 'en', ...options })
const figure = (page: Page, name: string) => page.locator(`[data-figure=${name}]`)
const operators = (page: Page) => page.locator('[data-operator]').evaluateAll((cards) => cards.map((card) => card.getAttribute('data-operator')))
/** What a clock shows that began then, to the minute, now or a minute from now. */
function reads(began: number) {
  const minutes = Math.floor((Date.now() - began) / 60_000)
  const shown = (n: number) => (n < 60 ? `${n}:` : `${Math.floor(n / 60)}:${String(n % 60).padStart(2, '0')}:`)
  return new RegExp(`^\\s*(${shown(minutes)}|${shown(minutes + 1)})\\d\\d`)
}

describe('board', () => {
  it('says that this node takes no new calls', async () => {
    const { page, close } = await open('/board', { user: 'alarmed' })
    await page.getByRole('alert').getByText('No new calls: this node is out of service').waitFor()
    await close()
  })

  it('shows the six figures and what is beyond its target, in words', async () => {
    const { page, close } = await open()
    await figure(page, 'waiting').locator('bdi:text-is("9")').waitFor()
    expect(await figure(page, 'waiting').innerText()).toContain('above target')
    expect(await figure(page, 'longest').innerText()).toContain('above target')
    expect(await figure(page, 'ready').innerText()).toMatch(/2\s+target: 1 or more/)
    expect(await figure(page, 'signed_in').innerText()).not.toContain('target')
    expect(await page.getByRole('alert').innerText()).toContain('reserve')
    await close()
  })

  it('puts first who needs a look, and narrows by queue and name', async () => {
    const { page, close } = await open()
    await page.locator('[data-operator=u-14]:has-text("too long")').waitFor()
    expect((await operators(page)).slice(0, 4)).toEqual(['u-14', 'u-13', 'u-16', 'u-1'])
    await page.getByRole('combobox', { name: 'Queue' }).selectOption('duty')
    expect(await operators(page)).toEqual(['u-13', 'u-12'])
    await page.getByRole('searchbox').fill('гудзь')
    expect(await operators(page)).toEqual(['u-12'])
    await page.getByRole('searchbox').fill('nobody of that name')
    await page.locator('text=No such operators').waitFor()
    await close()
  })

  it('shows each line with its callers as they will be served', async () => {
    const { page, close } = await open()
    const lines = page.getByRole('list', { name: 'Who is waiting: city' }).getByRole('listitem')
    await lines.nth(4).waitFor()
    expect((await lines.allInnerTexts()).map((text) => text.split('\n')[0])).toEqual(['1', '2', '3', '4', '5'])
    expect(await lines.first().innerText()).toContain('ringing at')
    const city = page.locator('.queues > li:has(h3:text-is("city"))')
    expect(await city.innerText()).toMatch(/surge of calls\s+[4-9]:\d\d/)
    expect(await city.innerText()).toContain('the next caller would wait about 3:20')
    await close()
  })

  it('takes targets by keyboard, refuses nonsense, and keeps them', async () => {
    const { page, close } = await open()
    await page.getByRole('button', { name: 'Targets' }).focus()
    await page.keyboard.press('Enter')
    const waiting = page.getByLabel('Callers waiting')
    await waiting.fill('-3')
    await page.keyboard.press('Enter')
    await page.locator('dialog [role=alert]:has-text("whole number")').waitFor()
    expect(await waiting.getAttribute('aria-invalid')).toBe('true')
    await waiting.fill('9')
    await page.getByLabel('Longest wait').fill('')
    await page.getByLabel('in wrap-up').or(page.getByLabel('wrap-up')).fill('3000')
    await page.keyboard.press('Enter')
    await page.locator('dialog').waitFor({ state: 'detached' })
    const texts = async () => [await figure(page, 'waiting').innerText(), await figure(page, 'longest').innerText()].join(' ')
    expect(await texts()).not.toContain('above')
    expect((await operators(page))[1]).toBe('u-16')
    await page.reload()
    await figure(page, 'waiting').locator('text=target: up to 9').waitFor()
    expect(await texts()).not.toContain('above')
    await close()
  })

  it('works in a browser that keeps nothing', async () => {
    const { page, complaints, close } = await open('/board', {
      prepare: (context) => context.addInitScript(() => {
        const [read, write] = [Storage.prototype.getItem, Storage.prototype.setItem]
        const refused = (key: string) => { if (key.includes('board')) throw new DOMException('denied', 'SecurityError') }
        Storage.prototype.getItem = function (key) { refused(key); return read.call(this, key) }
        Storage.prototype.setItem = function (key, value) { refused(key); write.call(this, key, value) }
      }),
    })
    await page.getByRole('button', { name: 'Targets' }).click()
    await page.getByLabel('Callers waiting').fill('9')
    await page.getByRole('button', { name: 'Save' }).click()
    await figure(page, 'waiting').locator('text=target: up to 9').waitFor()
    expect(complaints).toEqual([])
    await close()
  })

  it('says how old the picture is once nobody vouches for it, and comes back by itself', async () => {
    const { page, close } = await open()
    await page.locator('.age:has-text("last change")').waitFor()
    // The service knows of one more caller, and the stream does not tell: a line that broke without a word.
    mock.api.live.queues[0]!.waiting = 2
    await page.locator('.age:has-text("no news for 0:0")').waitFor()
    await page.screenshot({ path: 'screenshots/board-stale.en.desk.png' })
    await figure(page, 'waiting').locator('bdi:text-is("10")').waitFor()
    await page.locator('.age:not(:has-text("Out of date"))').waitFor()
    expect(mock.api.asked.filter((item) => item.method === 'WS').map((item) => item.url)).toEqual(['/api/v1/events', '/api/v1/events?after=100'])
    await close()
  })

  it('measures by the clock of the service', async () => {
    const { page, close } = await open('/board', {
      prepare: (context) => context.addInitScript(() => { const real = Date.now; Date.now = () => real() - 3_600_000 }),
    })
    // An hour behind, every wait would be 0:00. The mock's times began with it, so what they are now is worked out.
    const since = Math.min(...mock.api.live.calls.flatMap((call) => (call.waiting_since ? millis(call.waiting_since) : [])))
    await figure(page, 'longest').locator('b', { hasText: reads(since) }).waitFor()
    await page.locator('[data-operator=u-10] .time', { hasText: reads(millis(mock.api.live.operators.find((one) => one.id === 'u-10')!.since)) }).waitFor()
    await close()
  })

  it('is quick with 200 operators and 500 waiting callers', async () => {
    const { page, complaints, close } = await open('/board', {
      user: 'crowded',
      prepare: (context) => context.addInitScript(() => {
        const told = WebSocket.prototype
        const onmessage = Object.getOwnPropertyDescriptor(told, 'onmessage')!
        Object.defineProperty(told, 'onmessage', { ...onmessage, set(action: (event: MessageEvent) => void) {
          onmessage.set!.call(this, (event: MessageEvent) => {
            performance.mark('told')
            action(event)
            requestAnimationFrame(() => requestAnimationFrame(() => performance.measure('told to painted', 'told')))
          })
        } })
      }),
    })
    await page.locator('[data-operator]').nth(199).waitFor()
    const painted = async (message: number) => {
      await page.waitForFunction((wanted) => performance.getEntriesByName('told to painted').length > wanted, message)
      return Math.round(await page.evaluate((wanted) => performance.getEntriesByName('told to painted')[wanted]!.duration, message))
    }
    const first = await painted(0)
    await page.screenshot({ path: 'screenshots/board-crowd.en.desk.png' })
    mock.api.tell({ type: 'delta', seq: 101, operators: [{ ...mock.api.crowd.operators[0]!, status: 'not_ready', reason: 'break' }] })
    const next = await painted(1)
    const found = await page.evaluate(async () => {
      const field = document.querySelector<HTMLInputElement>('input[type=search]')!
      const begun = performance.now()
      field.value = 'швець'
      field.dispatchEvent(new Event('input', { bubbles: true }))
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
      return performance.now() - begun
    })
    console.log(`200 operators, 500 waiting: from the first message to the painted board ${first} ms, from a change to the painted board ${next} ms, from a letter in the search to the painted list ${Math.round(found)} ms`)
    expect(await page.locator('[data-operator]').count()).toBe(40)
    expect(await page.getByRole('list', { name: 'Who is waiting: city' }).getByRole('listitem').count()).toBe(5)
    expect(complaints).toEqual([])
    await close()
  })

  it.each(LANGUAGES)('is sound, its dialog too: %s', async (lang) => {
    const visited = await open('/board', { lang })
    await expectSound(visited)
    await visited.page.locator('.board > .head button').first().click()
    await visited.page.locator('dialog').waitFor()
    await expectSound(visited)
    await visited.close()
  })

  for (const [lang, size] of [['uk', 'desk'], ['uk', 'phone'], ['he', 'desk'], ['he', 'phone']] as const) {
    it(`shows its dialog: ${lang} ${size}`, async () => {
      const { page, close } = await open('/board', { lang, size })
      await page.locator('.board > .head button').first().click()
      await page.locator('dialog').waitFor()
      await page.screenshot({ path: `screenshots/board-targets.${lang}.${size}.png` })
      await close()
    })
  }
})

describe('wall', () => {
  const NUMBER_PIECE = 4

  it('shows no piece of a caller’s number and nobody’s name', async () => {
    const { page, close } = await open('/board?wall=1')
    await figure(page, 'waiting').locator('bdi:text-is("9")').waitFor()
    mock.api.live.calls[1]!.phase = 'ringing'
    mock.api.live.queues[0]!.waiting = 2
    mock.api.changed()
    await figure(page, 'waiting').locator('bdi:text-is("10")').waitFor()
    const html = (await page.content()).replaceAll(/svelte-\w+/g, '')
    const digits = html.replaceAll(/[\s\u2066-\u2069-]/g, '')
    for (const { caller } of mock.api.live.calls) {
      for (let i = 0; i + NUMBER_PIECE <= caller.length; i += 1) expect(digits).not.toContain(caller.slice(i, i + NUMBER_PIECE))
    }
    const people = [...mock.api.live.operators.map((operator) => operator.name), 'Тарас Шульга']
    for (const name of people.flatMap((name) => name.split(' '))) expect(html).not.toContain(name)
    expect(await page.locator('.wall footer').innerText()).toMatch(/2 ready\s+3 talking\s+2 ringing\s+2 in wrap-up\s+2 not ready\s+1 offline/)
    await close()
  })

  it('is entered by a button and left by Escape, in full screen or not', async () => {
    const { page, close } = await open()
    await page.getByRole('button', { name: 'Big screen' }).click()
    await page.locator('main.wall').waitFor()
    await page.waitForFunction(() => document.fullscreenElement !== null)
    await page.evaluate(() => document.exitFullscreen())
    await page.locator('.board').waitFor()
    expect(page.url()).not.toContain('wall')
    await page.goto(`${mock.url}/board?wall=1`)
    await page.locator('main.wall').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.board').waitFor()
    await close()
  })

  it('brings back to the wall after signing in', async () => {
    const { page, close } = await open('/board?wall=1', { user: undefined })
    await page.fill('#user', 'supervisor')
    await page.fill('#password', 'demo')
    await page.keyboard.press('Enter')
    await page.locator('main.wall').waitFor()
    await close()
  })

  it('is dark unless the room is not', async () => {
    const { page, close } = await open('/board?wall=1')
    const brightness = () => page.locator('.wall').evaluate((wall) => Math.max(...getComputedStyle(wall).backgroundColor.match(/\d+/g)!.map(Number)))
    expect(await brightness()).toBeLessThan(30)
    await page.getByRole('button', { name: 'Light' }).click()
    await page.getByRole('button', { name: 'Dark' }).waitFor()
    expect(await brightness()).toBeGreaterThan(220)
    await close()
  })

  it('wanders against burn-in, unless motion is unwanted', async () => {
    const { page, close } = await open('/board?wall=1')
    const animation = () => page.locator('.drift').evaluate((element) => element.getAnimations().length)
    expect(await animation()).toBe(0)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    expect(await animation()).toBe(1)
    await close()
  })

  it('keeps the screen awake while it shows, and lets it sleep afterwards', async () => {
    const { page, close } = await open('/board?wall=1', {
      prepare: (context) => context.addInitScript(() => {
        const held: string[] = []
        Object.assign(window, { held })
        Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind: string) => { held.push(kind); return { release: async () => { held.push('released') } } } } })
      }),
    })
    await page.waitForFunction(() => String((window as unknown as { held: string[] }).held) === 'screen')
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => String((window as unknown as { held: string[] }).held) === 'screen,released')
    await close()
  })

  const cut = (page: Page) => page.evaluate(() => {
    const bottom = document.querySelector('.wall footer')!.getBoundingClientRect().bottom
    const boxes = [...document.querySelectorAll('.wall li, .wall td, .wall th, .wall [role=alert] p, .wall header > :not(.hidden-text)')]
    const over = boxes.filter((box) => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1)
    return { below: bottom > innerHeight, scrolls: document.documentElement.scrollHeight > innerHeight, over: over.map((box) => box.outerHTML.slice(0, 120)) }
  })
  const WHOLE = { below: false, scrolls: false, over: [] }

  for (const size of ['wall', 'smallwall'] as const) {
    it.each(LANGUAGES)(`fits without a scroll, sound, ${size}: %s`, async (lang) => {
      const visited = await open('/board?wall=1', { lang, size })
      expect(await cut(visited.page)).toEqual(WHOLE)
      if (['uk', 'he'].includes(lang)) await visited.page.screenshot({ path: `screenshots/wall.${lang}.${size}.png` })
      await expectSound(visited)
      await visited.close()
    })

    it(`fits on the worst day, ${size}`, async () => {
      const { live } = mock.api
      live.queues.push(...['night', 'water', 'heating'].map((name) => ({ name, waiting: 112, longest_wait_secs: 7265, operators_ready: 120, operators_talking: 144 })))
      const visited = await open('/board?wall=1&light=1', { lang: 'uk', size, user: 'alarmed' })
      await visited.page.locator('footer:has-text("Ще 2 черги")').waitFor()
      expect(await cut(visited.page)).toEqual(WHOLE)
      await visited.page.screenshot({ path: `screenshots/wall-worst.uk.${size}.png` })
      await expectSound(visited)
      await visited.close()
    })
  }

  it('can be looked at with a telephone', async () => {
    const visited = await open('/board?wall=1', { lang: 'uk', size: 'phone' })
    await visited.page.screenshot({ path: 'screenshots/wall.uk.phone.png', fullPage: true })
    await expectSound(visited)
    await visited.close()
  })
})
