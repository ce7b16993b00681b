// What people do on the pages, from the first key to what the server was asked.
import { describe, expect, it } from 'vitest'
import { photo } from '../mock/sound'
import { asked, expectSound, mock, stage, visit } from './browser'

stage()

describe('sign-in', () => {
  it('refuses, makes wait, then leads to the own page', async () => {
    const { page } = await visit('/work', { lang: 'en' })
    await page.waitForURL('**/signin.html?to=*')
    for (const text of ['not right', 'not right', 'not right', 'Wait 1:']) {
      await page.fill('#user', 'executor')
      await page.fill('#password', 'wrong')
      await page.click('button.main')
      await page.waitForSelector(`[role=alert]:has-text("${text}")`)
    }
    expect(await page.isDisabled('button.main')).toBe(true)
    await page.reload()
    await page.fill('#user', 'executor')
    await page.fill('#password', 'demo')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/work')
    await page.waitForSelector('.order')
  })
})

describe('desk', () => {
  it('pops the case, saves what is typed, assigns and hangs up by keys', async () => {
    const { page, complaints } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('.call.ringing:has-text("+380 44 555 01 18")')
    await page.waitForSelector('h2:has-text("2026-01-000418")')

    await page.click('#category')
    await page.fill('#category', 'no wat')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.saved:has-text("Saved")')
    expect(asked('PATCH', '/cases/2026-01-000418')[0]?.body).toEqual({ category: 'water.none' })
    await page.fill('#address', 'Market corner')
    await page.press('#address', 'Tab')
    await page.waitForSelector('#address-note:has-text("Not in the address register")')
    await page.selectOption('#territory', 'north')
    await page.waitForSelector('.promise:has-text("Міськводоканал"):has-text("will do it by")')
    await page.fill('#description', 'No water since six')
    // F4 while the cursor is still in the field: the text is saved before the case is assigned.
    await page.keyboard.press('F4')
    await page.waitForSelector('.tag:has-text("assigned")')
    const order = mock.api.asked.filter((item) => item.method === 'PATCH' || item.method === 'POST').map((item) => `${item.method} ${Object.keys(item.body as object).join()}`)
    expect(order).toEqual(['PATCH category', 'PATCH address', 'PATCH territory', 'PATCH description', 'POST '])

    const [call, me] = [mock.api.live.calls[0]!, mock.api.live.operators[0]!]
    Object.assign(call, { phase: 'talking' })
    Object.assign(me, { status: 'talking' })
    mock.api.changed()
    await page.waitForSelector('button:has-text("Hang up")')
    await page.keyboard.press('F8')
    await page.click('button:has-text("Case created")')
    await page.waitForSelector('p:has-text("Left to write up"):has-text("0:2")')
    await page.click('button:has-text("One more minute")')
    await page.waitForSelector('p:has-text("Left to write up"):has-text("1:2")')
    await page.click('button:has-text("Done, ready")')
    await page.waitForSelector('.quiet:has-text("No call right now")')
    expect(asked('POST', '/calls/l-1/hangup').length).toBe(1)
    expect(asked('POST', '/calls/l-1/disposition')[0]?.body).toEqual({ disposition: 'case_created' })
    await page.keyboard.press('F2')
    await page.waitForSelector('.status .off')
    expect(complaints).toEqual([])
  })

  it('keeps one line to the switchboard and resumes where it was', async () => {
    const { page } = await visit('/desk', { lang: 'en', user: 'quiet' })
    await page.waitForSelector('.tag:has-text("Live")')
    for (let i = 0; i < 5; i += 1) mock.api.changed()
    mock.api.live.calls.length = 1
    mock.api.drop()
    await page.waitForSelector('.tag:has-text("Connection lost")')
    await page.waitForSelector('.tag:has-text("Live")')
    expect(mock.api.asked.filter((item) => item.method === 'WS').map((item) => item.url)).toEqual(['/api/v1/events', '/api/v1/events?after=105'])
  })

  it('finds an address by a former name, fills district and promise at once, and takes the flat', async () => {
    const { page, complaints } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('h2:has-text("2026-01-000418")')
    await page.click('#address')
    await page.keyboard.type('леніна 12 кв 5')
    const first = page.locator('#address-list [role=option]').first()
    await first.filter({ hasText: 'вулиця Паркова, 12, flat 5' }).filter({ hasText: 'formerly' }).waitFor()
    expect(await page.getAttribute('#address', 'aria-activedescendant')).toBe('address-0')
    await page.keyboard.press('ArrowDown')
    expect(await page.getAttribute('#address', 'aria-activedescendant')).toBe('address-1')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => (document.querySelector('#territory') as HTMLSelectElement).value === 'center')
    await page.waitForFunction(() => (document.querySelector('#flat') as HTMLInputElement).value === '5')
    await page.waitForSelector('.promise:has-text("will do it by")')
    await page.waitForSelector('#address-note:has-text("The house is kept by")')
    expect(await page.inputValue('#address')).toBe('вулиця Паркова, 12')
    expect(asked('PATCH', '/cases/2026-01-000418')[0]?.body).toEqual({ site: { key: 'вулиця Паркова#1', house: '12', flat: '5' } })
    await page.waitForSelector('b:has-text("this house")')
    // A house the register does not have is taken and marked; so is what nobody can find.
    await page.fill('#address', 'паркова 99')
    await first.filter({ hasText: 'no such house' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForSelector('#address-note:has-text("Not in the address register")')
    await page.fill('#address', 'біля ринку')
    await page.locator('#address-list [role=option]', { hasText: 'Keep as written: \u2068біля ринку' }).waitFor()
    await page.keyboard.press('Enter')
    await expect.poll(() => asked('PATCH', '/cases/2026-01-000418').at(-1)?.body).toEqual({ address: 'біля ринку' })
    expect(complaints).toEqual([])
  })

  it('waits for the house after a street, and takes what is certain when one goes on', async () => {
    const { page } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('h2:has-text("2026-01-000418")')
    await page.click('#address')
    await page.keyboard.type('паркова')
    await page.locator('#address-list [role=option]').first().waitFor()
    await page.keyboard.press('Enter')
    expect(await page.inputValue('#address')).toBe('вулиця Паркова, ')
    await page.keyboard.type('9')
    await page.keyboard.press('F4')
    await page.waitForSelector('.tag:has-text("assigned")')
    await expect.poll(() => page.inputValue('#address')).toBe('вулиця Паркова, 9')
    const bodies = mock.api.asked.filter((item) => item.method === 'PATCH' || item.url.endsWith('/assign')).map((item) => Object.keys(item.body as object).join())
    expect(bodies, 'assigned only when the address was there').toEqual(['site', 'site', ''])
  })

  it('offers former and near cases while it rings, and puts the call on one by a key', async () => {
    const { page, complaints } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('.who b:has-text("Ганна Петренко")')
    await page.click('button:has-text("Same address")')
    await page.waitForFunction(() => (document.querySelector('#flat') as HTMLInputElement).value === '7')
    await page.waitForSelector('h2:has-text("Open cases nearby")')
    await page.waitForSelector('li:has-text("2026-01-000417"):has-text("this street"):has-text("180 m")')
    expect(await page.locator('li:has-text("2026-01-000365") button:has-text("The call is about this")').count(), 'a closed case').toBe(0)
    await page.fill('#description', 'Still under the cursor')
    // With Alt it works while one writes; the second that is offered.
    await page.keyboard.press('Alt+w')
    await page.waitForSelector('h2:has-text("2026-01-000417")')
    expect(asked('POST', '/calls/l-1/case')[0]?.body).toEqual({ case: '2026-01-000417' })
    expect(asked('PATCH', '/cases/2026-01-000418').at(-1)?.body).toEqual({ description: 'Still under the cursor' })
    expect(asked('PATCH', '/cases/2026-01-000417')).toEqual([])
    expect(complaints).toEqual([])
  })

  it('says by one digit how the call ended, but not while one writes', async () => {
    const { page } = await visit('/desk', { lang: 'en', user: 'operator' })
    await page.waitForSelector('h2:has-text("2026-01-000418")')
    await page.keyboard.press('2')
    Object.assign(mock.api.live.calls[0]!, { phase: 'talking' })
    Object.assign(mock.api.live.operators[0]!, { status: 'talking' })
    mock.api.changed()
    await page.waitForSelector('button:has-text("Consultation") kbd:has-text("3")')
    await page.focus('#description')
    await page.keyboard.type('3')
    await page.keyboard.press('Control+k')
    await page.waitForSelector('dialog[open]')
    await page.keyboard.press('Escape')
    await page.locator('h2').first().click()
    await page.keyboard.press('3')
    await page.waitForSelector('button[aria-pressed=true]:has-text("Consultation")')
    await page.keyboard.press('5')
    expect(asked('POST', '/calls/l-1/disposition').map((item) => item.body)).toEqual([{ disposition: 'consultation' }])
  })

  it('finds a case by Ctrl+K', async () => {
    const { page } = await visit('/desk', { lang: 'en', user: 'quiet' })
    await page.keyboard.press('Control+k')
    await page.keyboard.type('2026-01-000409')
    await page.keyboard.press('Enter')
    await page.click('dialog li button')
    await page.waitForSelector('h2:has-text("2026-01-000409")')
    await page.keyboard.press('?')
    await page.waitForSelector('dialog:has-text("hang up")')
  })
})

describe('work', () => {
  it('goes from accept to done on a phone', async () => {
    const { page } = await visit('/work', { lang: 'uk', user: 'executor', size: 'phone' })
    await page.click('.order:has-text("вул. Паркова, 12")')
    await page.click('.steps button:has-text("Прийняти")')
    await page.click('.steps button:has-text("Я на місці")')
    await page.click('.steps button:has-text("Роботу виконано")')
    await page.fill('dialog textarea', 'Замінено 2 м труби')
    await page.click('dialog button.main')
    // Without the photo the city does not believe it, and says so.
    const refusal = page.locator('article [role=alert]:has-text("demands a photo")')
    await refusal.waitFor()
    await page.setInputFiles('.photos label:nth-child(2) input', { name: 'after.png', mimeType: 'image/png', buffer: photo(true) })
    await page.waitForSelector('.pending:has-text("Чекає")')
    // What comes after a refused step waits until the executor has decided about it.
    await refusal.locator('button:has-text("Прибрати")').click()
    await page.waitForSelector('.caption:has-text("Після")')
    await page.waitForSelector('.notice:has-text("увімкніть місце")')
    await page.click('.steps button:has-text("Роботу виконано")')
    await page.fill('dialog textarea', 'Замінено 2 м труби')
    await page.click('dialog button.main')
    await page.waitForSelector('text=Здано на перевірку')
    const small = await page.$$eval('button:not(.hidden-text), .photos label', (items) => items.filter((item) => item.checkVisibility() && item.getBoundingClientRect().height < 44).map((item) => item.outerHTML.slice(0, 80)))
    expect(small).toEqual([])
  })
})

describe('control', () => {
  it('accepts evidence, tells the applicant, closes', async () => {
    const { page } = await visit('/control?case=2026-01-000398', { lang: 'en', user: 'control' })
    await page.click('text=Accept evidence')
    await page.click('button:has-text("Close the case")')
    await page.waitForSelector('[role=alert]:has-text("was not told")')
    await page.click('button:has-text("Record")')
    await page.waitForSelector('.tag:has-text("confirmed")')
    await page.click('button:has-text("Close the case")')
    await page.waitForSelector('text=The case is closed.')
    expect(asked('POST', '/cases/2026-01-000398/tell')[0]?.body).toEqual({ channel: 'voice', delivered: true, confirmed: true })
  })
})

describe('calls to the applicant', () => {
  it('shows what they brought, and gives up with a reason', async () => {
    const { page } = await visit('/control?case=2026-01-000388', { lang: 'en', user: 'control' })
    const section = page.locator('section.asking')
    await section.locator('.tag:has-text("answering machine")').waitFor()
    expect(await section.locator('li').count(), 'two calls, then an SMS and an e-mail').toBe(4)
    await section.locator('text=Next call:').waitFor()
    await section.locator('button:has-text("Stop calling")').click()
    await page.fill('dialog textarea', 'The inspector goes there tomorrow')
    await page.click('dialog button.main')
    await section.locator('text=It was decided to stop calling').waitFor()
    expect(asked('POST', '/verifications/2026-01-000388/give-up')[0]?.body).toEqual({ reason: 'The inspector goes there tomorrow' })
    expect(await section.locator('button').count()).toBe(0)
  })
})

describe('SIP messages', () => {
  for (const [lang, size] of [['uk', 'desk'], ['uk', 'phone'], ['he', 'desk'], ['he', 'phone']] as const) {
    it(`are asked for when wanted, unfold and can be downloaded: ${lang} ${size}`, async () => {
      const visited = await visit('/audit?call=c-1', { lang, size, user: 'auditor' })
      const { page } = visited
      const section = page.locator('section:has(h2:has-text("SIP"))')
      await section.waitFor()
      expect(asked('GET', '/calls/c-1/ladder')).toEqual([])
      await section.locator('button').click()
      await section.locator('.rung').first().click()
      await section.locator('pre:has-text("INVITE sip:1580@city.example")').waitFor()
      expect(await section.locator('.rung').count()).toBe(16)
      expect(await section.locator('.gap').count()).toBe(1)
      expect(await section.locator('a[download]').getAttribute('href')).toBe('/api/v1/calls/c-1/ladder.pcap')
      await section.screenshot({ path: `screenshots/ladder.${lang}.${size}.png` })
      await expectSound(visited)
      await visited.close()
    })
  }

  it('are not offered to the mayor’s office', async () => {
    const { page } = await visit('/audit?call=c-1', { lang: 'en', user: 'mayor' })
    await page.waitForSelector('h2')
    expect(await page.locator('h2:has-text("SIP")').count()).toBe(0)
  })
})

describe('audit', () => {
  it('asks for no sound before play, then plays from a moment of the timeline', async () => {
    const { page, complaints } = await visit('/audit?call=c-1', { lang: 'en', user: 'auditor' })
    await page.waitForSelector('.jump')
    expect(asked('GET', '/calls/c-1/recording')).toEqual([])
    await page.click('li:has-text("Operator picked up") .jump')
    await page.waitForFunction(() => { const audio = document.querySelector('audio'); return audio !== null && !audio.paused && audio.currentTime > 31 && audio.currentTime < 40 })
    await page.click('button[aria-label="Pause"]')
    const box = (await page.locator('canvas').boundingBox())!
    await page.mouse.click(box.x + box.width / 2, box.y + 40)
    await page.waitForFunction(() => Math.abs((document.querySelector('audio')?.currentTime ?? 0) - 48) < 4)
    await page.click('text=With the case')
    await page.waitForSelector('.name:has-text("Deadline set")')
    expect(complaints).toEqual([])
  })
})
