// A supervisor changes which queues an operator serves; an operator asks somebody outside; an administrator records a prompt
// by telephone: the dialogs, what they send, what refusals look like, in Ukrainian and in Hebrew, at both sizes.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { asked, expectSound, mock, type Size, stage, visit } from './browser'

stage()

const FAKE = readFileSync('tests/pages/fake-phone.js', 'utf8')
const EVERYWHERE = (['desk', 'phone'] as const satisfies readonly Size[]).flatMap((size) => ['uk', 'he'].map((lang) => ({ size, lang })))

async function choosesQueues(page: Page, operator = 'u-17') {
  await page.locator(`[data-operator=${operator}] .name`).click()
  await page.getByRole('menu').locator('button').nth(-2).click()
  await page.locator('dialog fieldset').waitFor()
}

describe('queues of an operator', () => {
  it('are changed at once, with the skill that the queue asks for and the reason', async () => {
    const second = mock.api.live.queues.find((queue) => queue.name === 'duty')!
    Object.assign(second, { skills: { gas: 2 } })
    const operator = mock.api.live.operators.find((one) => one.id === 'u-17')!
    const visited = await visit('/board', { user: 'supervisor', lang: 'en' })
    const { page } = visited
    await choosesQueues(page)
    const save = page.locator('dialog button.main')
    expect(await save.isDisabled(), 'nothing is different').toBe(true)
    await page.locator('dialog input[value=duty]').check()
    await page.locator('dialog', { hasText: 'gives the skill' }).waitFor()
    expect(await save.isDisabled(), 'nobody knows why').toBe(true)
    await page.getByRole('button', { name: 'many callers' }).click()
    await save.click()
    await page.locator('dialog').waitFor({ state: 'detached' })
    expect(asked('PUT', '/operators/u-17/queues').map(({ body }) => body)).toEqual([
      { queues: ['city', 'duty'], skills: { gas: 2 }, reason: 'many callers' },
    ])
    expect(operator.queues).toEqual(['city', 'duty'])
    await expectSound(visited)
  })

  it('are refused in the reader’s words', async () => {
    for (const other of mock.api.live.operators) if (other.id !== 'u-17') Object.assign(other, { queues: ['duty'] })
    mock.api.changed()
    const { page } = await visit('/board', { user: 'supervisor', lang: 'uk' })
    await choosesQueues(page)
    await page.locator('dialog input[value=city]').uncheck()
    await page.locator('dialog input[value=duty]').check()
    await page.locator('dialog .chip').first().click()
    await page.locator('dialog button.main').click()
    const told = await page.locator('dialog [role=alert]').innerText()
    expect(told).toBe('Тоді чергу не обслуговував би ніхто. Спершу додайте до неї когось іншого.')
  })

  it('are told to the operator’s desk', async () => {
    const { page } = await visit('/desk', { user: 'quiet', lang: 'he' })
    mock.api.tell({ type: 'said', message: { from: 'Марія', text: 'פניות רבות', to_all: false, queues: ['city', 'duty'], at: Date.now() * 1000 } })
    await page.locator('.said section li').waitFor()
    expect(await page.locator('.said .text').innerText()).toMatch(/התורים שלך שונו.*city.*duty.*פניות רבות/)
  })

  it.each(EVERYWHERE)('$lang $size', async ({ size, lang }) => {
    const visited = await visit('/board', { user: 'supervisor', lang, size })
    await choosesQueues(visited.page)
    await visited.page.screenshot({ path: `screenshots/board-queues.${lang}.${size}.png` })
    await expectSound(visited)
  })
})

describe('a number outside', () => {
  const talking = async (lang: string, size: Size = 'desk') => {
    const [call, me] = [mock.api.live.calls[0]!, mock.api.live.operators[0]!]
    Object.assign(call, { phase: 'talking', position: null })
    Object.assign(me, { status: 'talking' })
    const visited = await visit('/desk', {
      lang, size, user: 'operator',
      prepare: async (context) => {
        await context.route('**/assets/jssip-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: FAKE }))
        await context.addInitScript(() => localStorage.setItem('ringback.phone', 'page'))
      },
    })
    await visited.page.waitForSelector('.phone .tag.good')
    await visited.page.evaluate("window.fakePhone.ring('+380445550118')")
    await visited.page.keyboard.press('F9')
    await visited.page.waitForSelector('.controls')
    return visited
  }

  it('is asked by the phone in the page, and refused in words', async () => {
    const { page } = await talking('en')
    await page.keyboard.press('F7')
    await page.locator('dialog .choice').first().waitFor()
    await page.keyboard.type('050 123-45-67')
    await page.locator('dialog .choice.first', { hasText: 'Call outside' }).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.colleague', { hasText: 'On the line' }).waitFor()
    expect(await page.evaluate('window.fakePhone.did')).toContain('consult 0501234567')
    await page.evaluate("window.fakePhone.colleagueGone('not_allowed')")
    await page.locator('[role=alert]', { hasText: 'is not called from here' }).waitFor()
  })

  it('gets the call from the transfer dialog', async () => {
    const { page } = await talking('en')
    await page.locator('.controls button:not(.whole)').last().click()
    await page.locator('#outside').fill('+380501234567')
    await page.locator('dialog form button').click()
    await page.locator('dialog').waitFor({ state: 'detached' })
    expect(asked('POST', `/calls/${mock.api.live.calls[0]!.id}/transfer`).map(({ body }) => body)).toEqual([{ target: '+380501234567' }])
  })

  it.each(EVERYWHERE)('$lang $size', async ({ size, lang }) => {
    const visited = await talking(lang, size)
    await visited.page.locator('.controls button:not(.whole)').last().click()
    await visited.page.locator('#outside').fill('+380501234567')
    await visited.page.screenshot({ path: `screenshots/desk-transfer.${lang}.${size}.png` })
    await visited.page.keyboard.press('Escape')
    await visited.page.keyboard.press('F7')
    await visited.page.locator('dialog .choice').first().waitFor()
    await visited.page.keyboard.type('0501234567')
    await visited.page.screenshot({ path: `screenshots/desk-outside.${lang}.${size}.png` })
    await expectSound(visited)
  })
})

describe('a prompt by telephone', () => {
  it('rings, shows each step, and is listed as recorded', async () => {
    const visited = await visit('/admin/prompts', { user: 'admin', lang: 'en' })
    const { page } = visited
    await page.locator('.prompt button', { hasText: 'Record by phone' }).first().click()
    await page.locator('dialog button.main', { hasText: 'Ring my phone' }).click()
    for (const [stage, step] of [['ringing', 'Your phone rings'], ['instructing', 'Wait for the tone'], ['speaking', 'Speak; any key ends'], ['choosing', 'Listen: 1 keeps it']] as const) {
      mock.api.studio.stage = stage
      await page.locator('dialog [aria-current=step]', { hasText: step }).waitFor()
    }
    mock.api.studio.stage = 'kept'
    await page.locator('dialog .notice.good').waitFor()
    expect(mock.api.asked.filter(({ method, url }) => method === 'POST' && url.endsWith('/phone')).map(({ body }) => body)).toEqual([{ speak: 'en' }])
    await page.locator('dialog button.main', { hasText: 'Close' }).click()
    await page.locator('.prompt .pending').first().waitFor()
    await expectSound(visited)
  })

  it.each(EVERYWHERE)('$lang $size', async ({ size, lang }) => {
    const visited = await visit('/admin/prompts', { user: 'admin', lang, size })
    await visited.page.locator('.prompt .actions button').nth(1).click()
    await visited.page.locator('dialog button.big').click()
    await visited.page.locator('dialog .now').waitFor()
    await visited.page.screenshot({ path: `screenshots/admin-by-phone.${lang}.${size}.png` })
    await expectSound(visited)
  })
})
