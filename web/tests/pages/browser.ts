// A Chromium, a signed-in page, and the three things every page must be: quiet in the console, accessible, no wider
// than the screen.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { startMock } from '../mock/server'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 }, narrow: { width: 360, height: 740 }, wall: { width: 1920, height: 1080 }, smallwall: { width: 1280, height: 720 } } as const
export type Size = keyof typeof SIZES

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--autoplay-policy=no-user-gesture-required', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'] })

export let browser: Browser
export let mock: Awaited<ReturnType<typeof startMock>>

/** Gives each test of the file a mock server of its own, and all of them one Chromium: starting one takes a second.
    What a test leaves open is closed behind it. */
export function stage() {
  beforeAll(async () => { browser = await launch() })
  beforeEach(async () => { mock = await startMock('dist') })
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    mock.server.closeAllConnections()
    mock.server.close()
  })
  afterAll(() => browser?.close())
}

/** Requests of one kind that the pages have sent to the mock server in this test. */
export const asked = (method: string, path: string) =>
  mock.api.asked.filter((item) => item.method === method && item.url.split('?')[0] === `/api/v1${path}`)

export interface Visit { page: Page, complaints: string[], close: () => Promise<void> }

interface Visitor { user?: string, lang: string, size?: Size, dark?: boolean, zone?: string, prepare?: (context: BrowserContext) => Promise<unknown> }

/** A page of the mock server. */
export const visit = (path: string, visitor: Visitor): Promise<Visit> => visitAt(browser, mock.url, path, visitor)

export async function visitAt(browser: Browser, url: string, path: string, options: Visitor): Promise<Visit> {
  const size = options.size ?? 'desk'
  const touched = size === 'phone' || size === 'narrow'
  const context = await browser.newContext({ viewport: SIZES[size], locale: options.lang, timezoneId: options.zone ?? 'Europe/Kyiv', colorScheme: options.dark ? 'dark' : 'light', hasTouch: touched, isMobile: touched, reducedMotion: 'reduce', bypassCSP: false })
  if (options.user) await context.addCookies([{ name: 'ringback_session', value: options.user, url, httpOnly: true, sameSite: 'Strict' }])
  await context.addInitScript((lang) => localStorage.setItem('ringback.language', lang), options.lang)
  await options.prepare?.(context)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // Chromium itself logs the 401 by which the sign-in page learns that nobody is signed in.
    const expected = !options.user && message.text().includes('401 (Unauthorized)')
    if (!expected && ['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url + path)
  await page.waitForSelector('main')
  await page.waitForLoadState('networkidle')
  await page.evaluate(() => document.fonts.ready)
  return { page, complaints, close: () => context.close() }
}

export async function expectSound({ page, complaints }: Visit) {
  expect(complaints).toEqual([])
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(overflow, 'pixels wider than the screen').toBeLessThanOrEqual(0)
  // Evaluated through the debugger: the page's own CSP stays in force.
  await page.evaluate(axe)
  const violations = await page.evaluate(async () => {
    interface Violation { id: string, impact: string, nodes: { html: string, failureSummary: string }[] }
    const found = await (window as unknown as { axe: { run: (root: Document) => Promise<{ violations: Violation[] }> } }).axe.run(document)
    return found.violations
      .filter((item) => ['serious', 'critical'].includes(item.impact))
      .map((item) => `${item.id}: ${item.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`).join(' | ')}`)
  })
  expect(violations).toEqual([])
}
