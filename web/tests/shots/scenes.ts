// Every page in the states that people see: where it is, who looks, and what leads there. One list for all languages and
// sizes, so nothing here goes by the words on a page.
import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from 'playwright-core'
import { CODE, NUMBER } from '../mock/requests'
import { photo } from '../mock/sound'
import { mock, type Visit } from '../pages/browser'

export interface Scene {
  name: string
  path: string
  user?: string
  /** What the invented city goes through before anybody looks. */
  before?: () => void
  prepare?: (context: BrowserContext) => Promise<unknown>
  /** What is pressed on the page. */
  act?: (page: Page, visited: Visit) => Promise<unknown>
}

const DESK_PHONE = readFileSync('tests/pages/fake-phone.js', 'utf8')
const GUEST_PHONE = readFileSync('tests/pages/fake-guest-phone.js', 'utf8')
const PICTURE = { name: 'after.png', mimeType: 'image/png', buffer: photo(true) }

const script = (pattern: string, body: string) => (context: BrowserContext) => context.route(pattern, (route) => route.fulfill({ contentType: 'text/javascript', body }))
const guest = script('**/assets/guest-jssip-*.js', GUEST_PHONE)
const phoneInPage = async (context: BrowserContext) => {
  await script('**/assets/jssip-*.js', DESK_PHONE)(context)
  await context.addInitScript(() => localStorage.setItem('ringback.phone', 'page'))
}
const told = (page: Page, what: string) => page.evaluate(`window.${what}`)

const says = (text: string, to_all = false) =>
  mock.api.tell({ type: 'said', message: { from: 'Тарас Шульга', text, to_all, at: Date.now() * 1000 } })

function talk() {
  Object.assign(mock.api.live.calls[0]!, { phase: 'talking', position: null })
  Object.assign(mock.api.live.operators[0]!, { status: 'talking' })
}

/** The operator has picked up by the phone in the page. */
async function pickUp(page: Page) {
  await page.waitForSelector('.phone .tag.good')
  await told(page, "fakePhone.ring('+380445550118')")
  await page.keyboard.press('F9')
  await page.waitForSelector('.controls')
}

/** As somebody sees a case without its clearance. */
const protect = (context: BrowserContext) => context.route('**/api/v1/cases/2026-01-000391', async (route) => {
  const answer = await route.fetch()
  await route.fulfill({ json: { ...(await answer.json()), restricted: true, withheld: true, category: '', place: null, description: '', applicant: null, executor: null, executor_name: null } })
})

async function openFactor(page: Page) {
  await page.locator('header details summary').click()
  await page.locator('header .menu button').nth(1).click()
  await page.locator('dialog input[type=password]').fill('demo')
  await page.keyboard.press('Enter')
  await page.waitForSelector('dialog .qr')
}

async function openRequest(page: Page) {
  await page.locator('#request .row > button').nth(1).click()
  await page.locator('#request form input').first().fill(NUMBER)
  await page.locator('#request form input').nth(1).fill(CODE)
  await page.locator('#request form button[type=submit]').click()
  await page.waitForSelector('#request dl')
}

async function write(page: Page) {
  await page.locator('#request .row > button').first().click()
  await page.locator('#request select').first().selectOption('light')
  await page.locator('#request select').nth(1).selectOption('dark')
  await page.getByRole('combobox').and(page.locator('input')).fill('шевч 2')
  await page.locator('#request [role=option]').first().click()
  await page.locator('#request textarea').fill('Лампа не світить третій вечір, біля під’їзду зовсім темно.')
  await page.locator('#request input[type=file]').setInputFiles(PICTURE)
  await page.waitForSelector('#request .photos img')
}

async function callTheCity(page: Page) {
  await page.click('button.here')
  await page.click('.web-call form button[type=submit]')
  await page.waitForFunction(() => (window as unknown as { fakeGuest?: { did: string[] } }).fakeGuest?.did.some((done) => done.startsWith('call')))
}

const CITIZEN: Scene[] = [
  { name: 'citizen', path: '/' },
  { name: 'citizen-outages', path: '/', before: () => mock.api.incidents.happen(), act: (page) => page.waitForSelector('#known') },
  { name: 'citizen-call-before', path: '/', prepare: guest, act: async (page) => { await page.click('button.here'); await page.waitForSelector('.web-call form button[type=submit]') } },
  {
    name: 'citizen-call-during', path: '/', prepare: guest, before: () => { mock.api.webCalls.progress = { phase: 'waiting', position: 3, case: '2026-01-000431' } },
    act: async (page) => {
      await callTheCity(page)
      await told(page, 'fakeGuest.answer()')
      await page.waitForSelector('.keys')
      for (const digit of [0, 3, 10]) await page.locator('.keys button').nth(digit).click()
      await page.waitForSelector('.web-call dd')
    },
  },
  { name: 'citizen-call-failed', path: '/', prepare: guest, before: () => { mock.api.webCalls.refusal = 503 }, act: async (page) => { await page.click('button.here'); await page.click('.web-call form button[type=submit]'); await page.waitForSelector('.web-call [role=alert]') } },
  { name: 'citizen-file-wrong', path: '/', act: async (page) => { await page.locator('#request .row > button').first().click(); await page.locator('#request form button[type=submit]').click() } },
  { name: 'citizen-file', path: '/', act: write },
  {
    name: 'citizen-filed', path: '/',
    act: async (page) => { await write(page); await page.locator('#request form button[type=submit]').click(); await page.waitForSelector('#request .code') },
  },
  {
    name: 'citizen-status', path: '/',
    before: () => {
      mock.api.requests.close()
      Object.assign(mock.api.requests.page, {
        work_pictures: [{ id: 'w-1', role: 'before' }, { id: 'w-2', role: 'after' }],
        calls: [{ id: 'c-1', at: new Date().toISOString(), seconds: 184, state: 'none', reason: null }, { id: 'c-2', at: new Date().toISOString(), seconds: 42, state: 'allowed', reason: null }, { id: 'c-3', at: new Date().toISOString(), seconds: 8, state: 'refused', reason: 'триває розслідування' }],
      })
    },
    act: async (page) => { await openRequest(page); await page.waitForSelector('figure img'); await page.fill('.own input', '050 111 22 33'); await page.click('.own button >> nth=1'); await page.waitForSelector('audio') },
  },
  { name: 'citizen-verdict', path: `/#${NUMBER}/${CODE}`, before: () => mock.api.requests.ask(), act: async (page) => { await page.waitForSelector('#request .verdict'); await page.locator('.verdict button').nth(1).click() } },
  { name: 'citizen-book', path: '/', act: async (page) => { await page.click('#request .book'); await page.selectOption('#request select >> nth=0', 'mayor'); await page.waitForSelector('.times button'); await page.click('.times button >> nth=1') } },
  {
    name: 'citizen-appointment', path: '/',
    act: async (page) => {
      await page.click('#request .book')
      await page.selectOption('#request select >> nth=0', 'mayor')
      await page.click('.times button >> nth=1')
      await page.selectOption('#request select >> nth=2', 'water')
      await page.fill('#request textarea', 'Третій рік без води')
      await page.fill('#request input[autocomplete=name]', 'Олена Петренко')
      await page.click('#request form button[type=submit]')
      await page.waitForSelector('#request .code')
      await page.click('#request section .row .main')
      await page.waitForSelector('.own')
      await page.click('.own button >> nth=0')
    },
  },
]

const STAFF: Scene[] = [
  { name: 'signin', path: '/signin.html' },
  { name: 'signin-directory', path: '/signin.html?sso=role', before: () => Object.assign(mock.api.ways, { oidc: 'Портал міста' }), act: (page) => page.waitForSelector('.sso') },
  { name: 'signin-directory-admins', path: '/signin.html', before: () => Object.assign(mock.api.ways, { oidc: 'Портал міста', passwords: 'administrators' }), act: (page) => page.waitForSelector('.sso') },
  { name: 'signin-code', path: '/signin.html', act: async (page) => { await page.locator('form input').first().fill('records'); await page.locator('form input').nth(1).fill('demo'); await page.keyboard.press('Enter'); await page.waitForSelector('#code'); await page.keyboard.type('999999'); await page.keyboard.press('Enter'); await page.waitForSelector('[role=alert]') } },
  { name: 'factor-offer', path: '/hearings', user: 'records', act: async (page) => { await openFactor(page) } },
  { name: 'factor-codes', path: '/hearings', user: 'records', act: async (page) => { await openFactor(page); await page.locator('dialog input').last().fill('123456'); await page.keyboard.press('Enter'); await page.waitForSelector('dialog ol') } },
  { name: 'sessions', path: '/hearings', user: 'records', act: async (page) => { await page.locator('header details summary').click(); await page.locator('header .menu button').first().click(); await page.waitForSelector('dialog li') } },
  { name: 'protected', path: '/control?case=2026-01-000391', user: 'control', prepare: protect, act: (page) => page.waitForSelector('article .notice') },
  { name: 'signin-wrong', path: '/signin.html', act: async (page) => { await page.locator('form input').first().fill('x'); await page.locator('form input').nth(1).fill('x'); await page.keyboard.press('Enter'); await page.waitForSelector('[role=alert]') } },
  { name: 'not-yours', path: '/admin', user: 'auditor' },
  { name: 'menu', path: '/control', user: 'supervisor', act: (page) => page.locator('header summary').click() },
]

const DESK: Scene[] = [
  { name: 'desk-quiet', path: '/desk', user: 'quiet' },
  { name: 'desk-ringing', path: '/desk', user: 'operator' },
  {
    name: 'desk-talking', path: '/desk', user: 'operator', before: talk, prepare: phoneInPage,
    act: async (page) => { await pickUp(page); await page.waitForSelector('.quality .tag') },
  },
  { name: 'desk-address', path: '/desk', user: 'operator', act: async (page) => { await page.click('#address'); await page.keyboard.type('леніна 12 кв 400'); await page.locator('#address-list [role=option]').first().waitFor() } },
  { name: 'desk-incident', path: '/desk?case=2026-01-000418', user: 'quiet', before: () => mock.api.incidents.happen() },
  { name: 'desk-written', path: '/desk?case=2026-01-000417', user: 'quiet', act: (page) => page.waitForSelector('.filed img') },
  { name: 'desk-merge', path: '/desk?case=2026-01-000417', user: 'quiet', act: async (page) => { await page.locator('section summary').click(); await page.locator('section details .button').first().click(); await page.locator('dialog .candidate').first().waitFor() } },
  { name: 'desk-transfer', path: '/desk', user: 'operator', before: talk, prepare: phoneInPage, act: async (page) => { await pickUp(page); await page.locator('.controls button').nth(3).click(); await page.locator('dialog .choice').first().waitFor() } },
  {
    name: 'desk-three', path: '/desk', user: 'operator', before: talk, prepare: phoneInPage,
    act: async (page) => {
      await pickUp(page)
      await page.keyboard.press('F7')
      await page.locator('dialog .choice').first().waitFor()
      await page.keyboard.type('105')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.colleague')
      await told(page, 'fakePhone.colleagueAnswers()')
      await page.waitForSelector('.colleague.talking')
      await page.keyboard.press('F7')
      await page.locator('.three').waitFor()
    },
  },
  { name: 'desk-keys', path: '/desk', user: 'operator', act: async (page) => { await page.keyboard.press('?'); await page.locator('dialog dl').waitFor() } },
  { name: 'desk-search', path: '/desk', user: 'quiet', act: async (page) => { await page.keyboard.press('Control+k'); await page.locator('dialog input').fill('парк'); await page.waitForTimeout(400) } },
  { name: 'desk-said', path: '/desk', user: 'operator', act: async (page) => { for (const text of ['Олено, перерву перенесіть на 15:30.', 'Аварія на Парковій: воду повернуть до 18:00. Адресу й під’їзд не перепитуйте, бригада вже на місці.']) says(text, text.startsWith('А')); await page.locator('.said li').nth(1).waitFor() } },
  { name: 'desk-wrap-up', path: '/desk', user: 'operator', before: () => { Object.assign(mock.api.live.calls[0]!, { phase: 'wrap_up', since: Date.now() * 1000 }); Object.assign(mock.api.live.operators[0]!, { status: 'wrap_up', since: Date.now() * 1000, wrap_up_ends_at: (Date.now() + 30_000) * 1000 }) } },
  {
    name: 'desk-sound', path: '/desk', user: 'quiet',
    act: async (page) => { await script('**/assets/jssip-*.js', DESK_PHONE)(page.context()); await page.locator('.places button').first().click(); await page.locator('dialog .bar').waitFor() },
  },
]

const BOARD: Scene[] = [
  { name: 'board', path: '/board', user: 'supervisor' },
  { name: 'board-large', path: '/board', user: 'crowded' },
  { name: 'board-alarm', path: '/board', user: 'alarmed', before: () => mock.api.incidents.happen(), act: (page) => page.getByRole('alert').waitFor() },
  { name: 'board-menu', path: '/board', user: 'supervisor', act: async (page) => { await page.locator('[data-operator=u-17] .name').click(); await page.getByRole('menu').waitFor() } },
  { name: 'board-assign', path: '/board', user: 'supervisor', act: async (page) => { await page.locator('[data-operator=u-17] .name').click(); await page.getByRole('menu').locator('button').nth(-2).click(); await page.locator('dialog fieldset').waitFor() } },
  { name: 'board-targets', path: '/board', user: 'supervisor', act: async (page) => { await page.locator('.head .row button').nth(2).click(); await page.locator('dialog').waitFor() } },
  { name: 'board-wall', path: '/board?wall=1', user: 'supervisor', before: () => mock.api.incidents.happen() },
  { name: 'board-wall-large', path: '/board?wall=1', user: 'crowded' },
]

const openOrder = async (page: Page) => { await page.click('.order:has-text("Паркова, 12")'); await page.waitForSelector('.steps button.main') }

const OTHERS: Scene[] = [
  { name: 'work-list', path: '/work', user: 'executor' },
  { name: 'work-order', path: '/work?case=2026-01-000409', user: 'executor' },
  { name: 'work-new-order', path: '/work', user: 'executor', act: openOrder },
  { name: 'work-cannot', path: '/work', user: 'executor', act: async (page) => { await openOrder(page); await page.locator('.steps button:not(.main)').last().click(); await page.locator('dialog').waitFor() } },
  {
    name: 'work-offline', path: '/work', user: 'executor',
    act: async (page) => {
      await openOrder(page)
      await page.locator('.steps button.main').click()
      await page.waitForLoadState('networkidle')
      mock.api.radio.signal = false
      await page.context().setOffline(true)
      await page.locator('.steps button.main').click()
      await page.setInputFiles('.photos label:nth-child(1) input', PICTURE)
      await page.waitForSelector('.pending li:nth-child(1)')
    },
  },
  { name: 'control-list', path: '/control', user: 'control' },
  { name: 'control-evidence', path: '/control?case=2026-01-000398', user: 'control' },
  { name: 'control-verify', path: '/control?case=2026-01-000388', user: 'control' },
  { name: 'control-steps', path: '/control?case=2026-01-000388', user: 'control', act: (page) => page.locator('article summary').first().click() },
  { name: 'control-clocks', path: '/control?case=2026-01-000409', user: 'control' },
  { name: 'control-escalations', path: '/control?view=escalations', user: 'mayor' },
  { name: 'control-incidents', path: '/control?view=incidents', user: 'control', before: () => mock.api.incidents.happen() },
  { name: 'control-no-incidents', path: '/control?view=incidents', user: 'control' },
  {
    name: 'control-declare', path: '/control?view=incidents', user: 'control',
    act: async (page) => { await page.click('button.main'); await page.fill('#street', 'Паркова'); await page.click('dialog [role=option]'); await page.waitForSelector('#houses-0') },
  },
  { name: 'audit-list', path: '/audit', user: 'auditor' },
  { name: 'audit-search', path: '/audit?disposition=case_created', user: 'auditor', act: (page) => page.fill('#words', 'холодні батареї') },
  { name: 'audit-call', path: '/audit?call=c-1', user: 'auditor' },
  {
    name: 'audit-listening', path: '/audit?call=c-1', user: 'auditor',
    act: async (page) => {
      await page.waitForSelector('.all')
      for (const key of ['n', 'n', 'n', 'l', 'ArrowRight', 'l', 's', 'k']) await page.keyboard.press(key)
      await page.waitForTimeout(1500)
      await page.keyboard.press('k')
      await page.keyboard.press('m')
      await page.fill('#finding', 'Перебиває заявника, не питає адреси')
      await page.click('.findings button.main')
      await page.waitForSelector('.findings li')
    },
  },
  { name: 'audit-keys', path: '/audit?call=c-1', user: 'auditor', act: async (page) => { await page.waitForSelector('.all'); await page.keyboard.press('?'); await page.waitForSelector('dialog dl') } },
  { name: 'samples', path: '/audit?view=samples', user: 'auditor', act: (page) => page.waitForSelector('section li') },
  { name: 'sample-fix', path: '/audit?view=samples', user: 'auditor', act: async (page) => { await page.locator('section > .button').click(); await page.waitForSelector('#public-at') } },
  { name: 'sample-waits', path: '/audit?view=samples&sample=s-2', user: 'auditor', act: (page) => page.waitForSelector('#public-value') },
  { name: 'sample-call', path: '/audit?view=samples&sample=s-1&call=c-1', user: 'auditor', act: (page) => page.waitForSelector('.all') },
  { name: 'sample-report', path: '/audit?view=samples&sample=s-1&report=1', user: 'auditor', act: (page) => page.waitForSelector('.report') },
  { name: 'engagements', path: '/engagements', user: 'records', act: (page) => page.waitForSelector('li.card') },
  { name: 'engagement-open', path: '/engagements', user: 'records', act: async (page) => { await page.locator('.head button').click(); await page.waitForSelector('#purpose') } },
  { name: 'reports', path: '/reports', user: 'mayor', act: (page) => page.locator('[data-indicator=false_closures] summary').click() },
  { name: 'reports-list', path: '/reports', user: 'mayor', act: async (page) => { await page.locator('[data-indicator=false_closures] summary').click(); await page.locator('[data-indicator=false_closures] .line button.value').first().click(); await page.locator('dialog [data-total]').waitFor() } },
  { name: 'receptions', path: '/receptions', user: 'mayor', act: (page) => page.waitForSelector('ol li >> nth=2') },
  { name: 'hearings', path: '/hearings', user: 'records', act: (page) => page.waitForSelector('li.card') },
  { name: 'records', path: '/records', user: 'records', act: (page) => page.waitForSelector('li.card') },
  { name: 'records-agree', path: '/records', user: 'records', act: async (page) => { await page.click('li .bad.main'); await page.waitForSelector('dialog .notice.bad') } },
  { name: 'disclosures', path: '/disclosures?case=2026-01-000409', user: 'records', act: (page) => page.waitForSelector('li.card') },
]

const ADMIN: Scene[] = [
  { name: 'admin', path: '/admin', user: 'admin' },
  { name: 'admin-drained', path: '/admin', user: 'admin', act: async (page) => { await page.locator('.stack .row button').first().click(); await page.locator('dialog .row button').first().click(); await page.locator('.stack .notice').waitFor() } },
  { name: 'admin-trunks', path: '/admin/trunks', user: 'admin' },
  { name: 'admin-ladder', path: '/admin/trunks', user: 'admin', act: async (page) => { await page.getByRole('region', { name: 'kyivstar' }).getByRole('button').first().click(); await page.waitForTimeout(400) } },
  { name: 'admin-people', path: '/admin/operators', user: 'admin' },
  { name: 'admin-person', path: '/admin/operators', user: 'admin', act: async (page) => { await page.locator('button[aria-label*="Мельник"]').first().click(); await page.locator('dialog input').first().waitFor() } },
  { name: 'admin-softphone', path: '/admin/operators', user: 'admin', act: async (page) => { await page.getByRole('listitem').filter({ hasText: 'Олена Коваль' }).getByRole('button').nth(1).click(); await page.locator('dialog').waitFor(); await page.locator('dialog form button[type=submit], dialog button.main').first().click(); await page.waitForTimeout(400) } },
  { name: 'admin-queues', path: '/admin/queues', user: 'admin' },
  { name: 'admin-routing', path: '/admin/routing', user: 'admin', act: async (page) => { await page.selectOption('main form select >> nth=0', 'water.burst'); await page.waitForSelector('section.card h2') } },
  { name: 'admin-ivr', path: '/admin/ivr?node=topics', user: 'admin' },
  { name: 'admin-prompts', path: '/admin/prompts', user: 'admin' },
  { name: 'admin-messages', path: '/admin/messages', user: 'admin', act: (page) => page.waitForSelector('.list li button') },
  { name: 'admin-changes', path: '/admin/changes', user: 'admin' },
]

export const SCENES: Scene[] = [...CITIZEN, ...STAFF, ...DESK, ...BOARD, ...OTHERS, ...ADMIN]
