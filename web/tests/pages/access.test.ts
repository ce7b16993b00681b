// Signing in through the city's identity provider, and what the board tells of a protected call.
import { afterEach, describe, expect, it } from 'vitest'
import { expectSound, mock, type Size, stage, visit } from './browser'

stage()

const WAYS = { passwords: 'everybody', oidc: null as string | null }
afterEach(() => { Object.assign(mock.api.ways, WAYS) })

for (const size of ['desk', 'phone'] as const satisfies readonly Size[]) {
  for (const lang of ['uk', 'he']) {
    describe(`${lang} ${size}`, () => {
      it('offers the provider before the password and says why it brought nobody', async () => {
        Object.assign(mock.api.ways, { oidc: 'City ID' })
        const visited = await visit('/signin.html?sso=away&to=/desk', { lang, size })
        await visited.page.waitForSelector('a.sso')
        expect(await visited.page.getAttribute('a.sso', 'href')).toBe('/api/v1/session/oidc?to=%2Fdesk')
        expect(await visited.page.textContent('.notice[role=status]')).toContain('City ID')
        await visited.page.screenshot({ path: `screenshots/signin-provider.${lang}.${size}.png`, fullPage: size === 'phone' })
        await expectSound(visited)
      })
    })
  }
}

it('tells who still signs in by password', async () => {
  Object.assign(mock.api.ways, { oidc: 'City ID', passwords: 'administrators' })
  const { page } = await visit('/signin.html', { lang: 'en' })
  await page.waitForSelector('a.sso')
  expect(await page.textContent('.or')).toContain('Only administrators')
})

it('has no button where there is no provider', async () => {
  const { page } = await visit('/signin.html', { lang: 'en' })
  await page.waitForSelector('#password')
  expect(await page.locator('a.sso').count()).toBe(0)
})

it('shows a protected call without number and topic', async () => {
  const call = mock.api.live.calls.find((call) => call.phase === 'waiting')!
  const known = { ...call }
  Object.assign(call, { withheld: true, caller: '', topic: null, ivr_path: [] })
  try {
    const { page } = await visit('/board', { user: 'supervisor', lang: 'en' })
    await page.getByText('Protected call').first().waitFor()
  } finally {
    Object.assign(call, known)
  }
})
