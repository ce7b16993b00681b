// A supervisor among the operators: into a talk and out of it by keys and by clicks, the phone in the board, operators made
// ready or not, and messages, from the dialog to the operator's desk.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { CallSupervisor } from '../../src/lib/api/types'
import { expectSound, mock, type Size, stage, visit } from './browser'

stage()

interface FakePhone { did: string[], ring: (from: string, answerMode?: string) => void, end: () => void, trouble: (trouble: string) => void }
const FAKE = readFileSync('tests/pages/fake-phone.js', 'utf8')

type Options = Partial<Parameters<typeof visit>[1]>
const open = (options: Options = {}) => visit('/board', { user: 'supervisor', lang: 'en', ...options })
const asked = (method: string, path: string) => mock.api.asked.filter((item) => item.method === method && item.url === `/api/v1${path}`).map((item) => item.body)
const fake = <T>(page: Page, act: (phone: FakePhone) => T) => page.evaluate(`(${act})(window.fakePhone)`) as Promise<T>
const card = (page: Page, id = 'u-17') => page.locator(`[data-operator=${id}] .name`)
const menu = (page: Page) => page.getByRole('menu')
const bar = (page: Page) => page.locator('.bar')
/** The talk of the operator u-17. */
const TALK = 'l-12'
const talk = () => mock.api.live.calls.find((call) => call.id === TALK)!

function supervised(...supervisors: CallSupervisor[]) {
  talk().supervisors = supervisors
  mock.api.changed()
}
const picksUp = () => supervised({ ...talk().supervisors!.find((known) => known.id === 'u-3')!, present: true })

/** The first time, with the reason: the phone rings. */
async function listens(page: Page) {
  await card(page).click()
  await menu(page).getByRole('menuitemradio').first().click()
  await page.locator('dialog input[value=training]').check()
  await page.locator('dialog button.main').click()
  await bar(page).locator('.what').waitFor()
}

/** The phone of the board is in the page, and the sound was tried. */
async function withPhone(page: Page) {
  await page.context().route('**/assets/jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
  await page.locator('.head .row button').first().click()
  await page.locator('dialog .places button').first().click()
  await page.locator('dialog .bar').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.head .row .tag.good').waitFor()
}

describe('a talk', () => {
  it('is entered by keyboard alone, asks for the reason once, and rings until the phone is picked up', async () => {
    const { page, complaints, close } = await open()
    await page.getByRole('searchbox').focus()
    await page.keyboard.press('Tab')
    // The first card in the order of attention; three further is who talks longest.
    for (let i = 0; i < 12 && !(await card(page).evaluate((name) => name === document.activeElement)); i += 1) await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await page.getByRole('menu', { name: 'Надія Вовк' }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Why do you come into the talk?' }).waitFor()
    await page.getByLabel('quality').check()
    await page.keyboard.press('Enter')
    await bar(page).locator('text=Your phone rings').waitFor()
    await page.locator('[data-operator=u-17] .tag.rings:has-text("Phone rings: ⁨you⁩")').waitFor()
    picksUp()
    await bar(page).locator('text=You listen to').waitFor()
    expect(await bar(page).innerText()).toMatch(/Надія Вовк[^]*\+380\s44\s555\s01\s35[^]*0:0\d/)
    await page.keyboard.press('2')
    await bar(page).locator('text=hears you').waitFor()
    await page.keyboard.press('3')
    await bar(page).locator('text=You are in the talk').waitFor()
    await page.locator('[data-operator=u-17] .tag.in:has-text("In the talk: ⁨you⁩")').waitFor()
    expect(asked('POST', `/calls/${TALK}/supervision`)).toEqual(['listen', 'whisper', 'barge'].map((how) => ({ how, reason: 'quality' })))
    await page.keyboard.press('0')
    await bar(page).waitFor({ state: 'detached' })
    expect(asked('DELETE', `/calls/${TALK}/supervision`)).toHaveLength(1)
    expect(complaints).toEqual([])
    await close()
  })

  it('remembers the reason through a reload, takes words, and lets it be changed', async () => {
    const { page, close } = await open()
    await listens(page)
    picksUp()
    await bar(page).locator('text=Reason: ⁨training⁩').waitFor()
    await page.reload()
    await bar(page).locator('text=Reason: ⁨training⁩').waitFor()
    await bar(page).getByRole('button', { name: 'Change' }).click()
    await page.getByLabel('Or in your own words').fill('New in the team')
    await page.keyboard.press('Enter')
    await bar(page).getByRole('button', { name: 'Whisper' }).click()
    await bar(page).locator('[aria-pressed=true]:has-text("Whisper")').waitFor()
    expect(asked('POST', `/calls/${TALK}/supervision`).at(-1)).toEqual({ how: 'whisper', reason: 'New in the team' })
    await close()
  })

  it('is taken over only when asked twice, and then ends by hanging up', async () => {
    const { page, close } = await open()
    await listens(page)
    picksUp()
    await bar(page).locator('text=You listen').waitFor()
    await page.keyboard.press('4')
    await page.getByRole('dialog', { name: 'Take the talk over?' }).waitFor()
    await page.keyboard.press('Escape')
    expect(asked('POST', `/calls/${TALK}/supervision`)).toHaveLength(1)
    // The key that closed the question did not end the listening.
    await bar(page).locator('text=You listen').waitFor()
    await page.keyboard.press('4')
    await page.locator('dialog').getByRole('button', { name: 'Take over' }).click()
    await bar(page).locator('text=The talk is yours').waitFor()
    await page.locator('[data-operator=u-17]:has-text("wrap-up")').waitFor()
    await page.keyboard.press('Escape')
    await bar(page).getByRole('button', { name: 'Hang up' }).click()
    await bar(page).waitFor({ state: 'detached' })
    expect(asked('POST', `/calls/${TALK}/hangup`)).toHaveLength(1)
    await close()
  })

  it('that ends takes its question along', async () => {
    const { page, close } = await open()
    await listens(page)
    picksUp()
    await page.keyboard.press('4')
    await page.locator('dialog').waitFor()
    mock.api.live.calls = mock.api.live.calls.filter((call) => call.id !== TALK)
    mock.api.tell({ type: 'delta', seq: ++mock.api.live.seq, calls_gone: [TALK] })
    await page.getByRole('alert').locator('text=This talk is over').waitFor()
    expect(await page.locator('dialog').count()).toBe(0)
    await close()
  })

  it('shows who else is in it, and says in words when it is full or there is no phone', async () => {
    const { page, close } = await open()
    supervised({ id: 'u-41', how: 'listen', present: true }, { id: 'u-42', how: 'whisper', present: false })
    await page.locator('[data-operator=u-17] .tag.in:has-text("Listening: ⁨supervisor⁩")').waitFor()
    await card(page).click()
    await page.keyboard.press('1')
    await page.locator('dialog input[value=complaint]').check()
    await page.keyboard.press('Enter')
    await page.getByRole('alert').locator('text=Two supervisors are in this talk').waitFor()
    await page.route('**/supervision', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify({ type: 'urn:ringback:problem:no_phone', title: '', detail: 'no phone of yours is registered here' }) }))
    await card(page, 'u-9').click()
    await page.keyboard.press('1')
    await page.getByRole('alert').locator('text=No phone of yours is registered').waitFor()
    await page.getByRole('alert').getByRole('button', { name: 'My phone' }).click()
    await page.locator('dialog .places').waitFor()
    await close()
  })

  it('offers nothing of a talk to listen to while there is none, and keeps its keys to itself', async () => {
    const { page, close } = await open()
    await card(page, 'u-11').click()
    expect(await menu(page).getByRole('menuitem').allInnerTexts()).toEqual(['Make not ready…', 'Queues…', 'Message…'])
    await page.keyboard.press('1')
    await page.keyboard.press('Escape')
    expect(await card(page, 'u-11').evaluate((name) => name === document.activeElement)).toBe(true)
    await listens(page)
    picksUp()
    await bar(page).locator('text=You listen').waitFor()
    // Written, not steered.
    await page.getByRole('searchbox').fill('')
    await page.keyboard.type('23')
    expect(await page.getByRole('searchbox').inputValue()).toBe('23')
    await page.getByRole('searchbox').fill('')
    await bar(page).getByRole('button', { name: 'Keys 1–4' }).click()
    await page.locator('h1').click()
    await page.keyboard.press('2')
    await page.keyboard.press('0')
    expect(asked('POST', `/calls/${TALK}/supervision`)).toHaveLength(1)
    await bar(page).locator('text=You listen').waitFor()
    await close()
  })

  it('does not lose the card that has the focus when the order changes', async () => {
    const { page, close } = await open()
    await card(page, 'u-11').focus()
    Object.assign(mock.api.live.operators.find((operator) => operator.id === 'u-11')!, { status: 'offered', since: (Date.now() - 60_000) * 1000 })
    mock.api.changed()
    await page.locator('[data-operator=u-11]:has-text("too long")').waitFor()
    await page.waitForFunction(() => document.activeElement?.closest('[data-operator]')?.getAttribute('data-operator') === 'u-11')
    await close()
  })
})

describe('the phone in the board', () => {
  it('answers by itself who asks for it, and is muted while it only listens', async () => {
    const { page, complaints, close } = await open()
    await withPhone(page)
    await listens(page)
    await fake(page, (phone) => phone.ring('+380445550135', 'Auto'))
    picksUp()
    await bar(page).locator('text=Nobody hears you').waitFor()
    expect(await bar(page).getByRole('button', { name: /Mute/ }).count()).toBe(0)
    await page.keyboard.press('2')
    await bar(page).getByRole('button', { name: 'Mute' }).waitFor()
    await page.keyboard.press('1')
    await bar(page).getByRole('button', { name: 'Mute' }).waitFor({ state: 'detached' })
    expect(await fake(page, (phone) => phone.did)).toEqual(['start 301', 'answer', 'mute true', 'mute false', 'mute true'])
    expect(complaints).toEqual([])
    await close()
  })

  it('rings for everybody else, and can be answered, declined and hung up', async () => {
    const { page, close } = await open()
    await withPhone(page)
    await fake(page, (phone) => phone.ring('101'))
    await bar(page).locator('text=Calling you').waitFor()
    await bar(page).getByRole('button', { name: 'Decline' }).click()
    await bar(page).waitFor({ state: 'detached' })
    await fake(page, (phone) => phone.ring('101'))
    await bar(page).getByRole('button', { name: 'Answer' }).click()
    await bar(page).getByRole('button', { name: 'Mute' }).click()
    await bar(page).locator('[aria-pressed=true]:has-text("Muted")').waitFor()
    await bar(page).getByRole('button', { name: 'Hang up' }).click()
    await bar(page).waitFor({ state: 'detached' })
    expect(await fake(page, (phone) => phone.did)).toEqual(['start 301', 'decline', 'answer', 'mute true', 'hangUp'])
    await close()
  })

  it('never answers by itself on the desk of an operator', async () => {
    const { page, close } = await visit('/desk', { user: 'quiet', lang: 'en' })
    await page.context().route('**/assets/jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
    await page.locator('.places button').first().click()
    await page.locator('dialog .bar').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.phone .tag.good').waitFor()
    await fake(page, (phone) => phone.ring('301', 'Auto'))
    await page.getByRole('button', { name: 'Answer' }).waitFor()
    expect(await fake(page, (phone) => phone.did)).toEqual(['start 102'])
    await close()
  })
})

describe('operators', () => {
  it('are made not ready with a reason, and ready again', async () => {
    const { page, close } = await open()
    await card(page, 'u-11').click()
    await menu(page).getByRole('menuitem', { name: 'Make not ready' }).click()
    await page.getByLabel('away from the desk').check()
    await page.keyboard.press('Enter')
    await page.locator('[data-operator=u-11]:has-text("not ready: away from the desk")').waitFor()
    await card(page, 'u-11').click()
    await menu(page).getByRole('menuitem', { name: 'Make ready' }).click()
    await page.locator('[data-operator=u-11] .tag:text-is("ready")').waitFor()
    expect(asked('POST', '/operators/u-11/status')).toEqual([{ status: 'not_ready', reason: 'away' }, { status: 'ready' }])
    await close()
  })

  it('are written to, one or all, in 300 characters; nobody at the desk is said', async () => {
    const { page, close } = await open()
    await card(page, 'u-17').click()
    await menu(page).getByRole('menuitem', { name: 'Message' }).click()
    const text = page.getByRole('textbox', { name: 'Appears on' })
    await text.fill('😀'.repeat(301))
    await page.getByRole('alert').locator('text=300 characters at most').waitFor()
    expect(await page.locator('dialog button.main').isDisabled()).toBe(true)
    await text.fill('😀'.repeat(300))
    await page.locator('dialog:has-text("300 of 300")').waitFor()
    await text.fill('Call back Mrs Petrenko, please')
    await page.keyboard.press('Control+Enter')
    await page.locator('.note.good:has-text("Sent to ⁨Надія Вовк⁩")').waitFor()
    await card(page, 'u-10').click()
    await menu(page).getByRole('menuitem', { name: 'Message' }).click()
    await text.fill('Are you there?')
    await page.keyboard.press('Control+Enter')
    await page.getByRole('alert').locator('text=page is not open').waitFor()
    expect(await text.inputValue()).toBe('Are you there?')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Message to all' }).click()
    await text.fill('Storm in the north')
    await page.getByRole('button', { name: 'Send' }).click()
    await page.locator('.note.good:has-text("Sent to 11 operators")').waitFor()
    expect(asked('POST', '/operators/messages')).toEqual([{ text: 'Storm in the north' }])
    await close()
  })
})

const say = (text: string, toAll = false) => mock.api.tell({ type: 'said', message: { from: 'Тарас Шульга', text, to_all: toAll, at: Date.now() * 1000 } })

describe('a message on the desk', () => {
  const desk = (options: Options = {}) => visit('/desk', { user: 'operator', lang: 'en', ...options })

  it('is read out, moves neither call nor case, takes no focus, and goes by click or key', async () => {
    const { page, complaints, close } = await desk()
    await page.focus('#description')
    const places = () => page.locator('.desk > section').evaluateAll((columns) => columns.slice(0, 2).map((column) => JSON.stringify(column.getBoundingClientRect())))
    const before = await places()
    say('Mrs Petrenko calls again at five', true)
    await page.locator('.said li:has-text("Mrs Petrenko")').waitFor()
    expect(await page.locator('.said [role=status]').innerText()).toMatch(/⁨Тарас Шульга⁩, \d\d:\d\d: Mrs Petrenko calls again at five/)
    expect(await places()).toEqual(before)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('description')
    await page.keyboard.press('Alt+m')
    await page.locator('.said li').waitFor({ state: 'detached' })
    expect(await page.locator('#description').inputValue()).not.toContain('m')
    say('Second')
    await page.locator('.said').getByRole('button', { name: 'Read' }).click()
    await page.locator('.said li').waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await close()
  })

  it('stands with two others, older ones fold', async () => {
    const { page, close } = await desk()
    for (const text of ['one', 'two', 'three', 'four', 'five']) say(text)
    await page.getByRole('button', { name: '2 more' }).waitFor()
    const texts = () => page.locator('.said .text').allInnerTexts()
    expect(await texts()).toEqual(['five', 'four', 'three'])
    await page.getByRole('button', { name: '2 more' }).click()
    expect(await texts()).toEqual(['five', 'four', 'three', 'two', 'one'])
    await page.getByRole('button', { name: 'Show fewer' }).click()
    for (let i = 0; i < 2; i += 1) await page.keyboard.press('Alt+m')
    await page.getByRole('button', { name: 'more' }).waitFor({ state: 'detached' })
    expect(await texts()).toEqual(['three', 'two', 'one'])
    await close()
  })

  it('that comes behind a dialog waits there, and is read out when that has closed', async () => {
    const { page, close } = await desk()
    await page.keyboard.press('?')
    await page.locator('dialog').waitFor()
    say('Behind the dialog')
    await page.locator('.said li').waitFor()
    expect(await page.locator('.said [role=status]').innerText()).toBe('')
    await page.keyboard.press('Escape')
    await page.locator('.said [role=status]:has-text("Behind the dialog")').waitFor({ state: 'attached' })
    expect(await page.locator('.said .text').innerText()).toBe('Behind the dialog')
    await close()
  })
})

/** Many pictures, each searched for what is hard to use. */
const LOOKING_MS = 240_000

describe('looks right', () => {
  const LOOKS: [string, Size, boolean][] = [['uk', 'desk', false], ['uk', 'phone', false], ['he', 'desk', false], ['he', 'phone', false], ['en', 'desk', true]]
  it.each(LOOKS)('%s %s, dark %s', async (lang, size, dark) => {
    const visited = await open({ lang, size, dark })
    const { page } = visited
    const shoot = async (name: string, from = visited) => {
      await from.page.screenshot({ path: `screenshots/supervision-${name}.${lang}.${dark ? 'dark' : size}.png` })
      await expectSound(from)
    }
    await card(page).scrollIntoViewIfNeeded()
    await card(page).click()
    await menu(page).waitFor()
    await shoot('menu')
    await page.keyboard.press('1')
    await page.locator('dialog').waitFor()
    await shoot('why')
    await page.locator('dialog input[value=training]').check()
    await page.locator('dialog button.main').click()
    await bar(page).waitFor()
    supervised(...talk().supervisors!, { id: 'u-41', how: 'whisper', present: true })
    await page.locator('.in:not(.rings)').waitFor()
    await shoot('rings')
    supervised({ id: 'u-3', how: 'listen', present: true })
    await bar(page).locator('.time').waitFor()
    await shoot('listen')
    await withPhone(page)
    await fake(page, (phone) => phone.ring('+380445550135', 'Auto'))
    supervised({ id: 'u-3', how: 'whisper', present: true })
    await bar(page).locator('.acts > .button').nth(1).waitFor()
    await shoot('whisper')
    await bar(page).locator('.ways button').last().click()
    await page.locator('dialog').waitFor()
    await shoot('take-over')
    await page.locator('dialog .row button').first().click()
    await bar(page).locator('.ways').waitFor({ state: 'detached' })
    await shoot('taken')
    await page.locator('.head .row button').first().click()
    await page.locator('dialog .places').waitFor()
    await shoot('phone')
    await page.keyboard.press('Escape')
    await page.locator('.head .row button').nth(1).click()
    await page.locator('dialog textarea').fill('Аварія на Парковій: воду повернуть до 18:00. Адресу й під’їзд не перепитуйте.')
    await shoot('message')
    await visited.close()
    const desk = await visit('/desk', { user: 'operator', lang, size, dark })
    for (const text of ['Олено, перерву перенесіть на 15:30.', 'Третя черга без світла до вечора, 104 уже знає.', 'Спитайте номер будинку ще раз: у реєстрі два.', 'Аварія на Парковій: воду повернуть до 18:00. Адресу й під’їзд не перепитуйте, бригада вже на місці.']) say(text, text.startsWith('Аварія'))
    await desk.page.locator('.said li').nth(2).waitFor()
    await shoot('said', desk)
    await desk.close()
  }, LOOKING_MS)
})
