// Every page in Ukrainian and Hebrew, at desk and phone size; the screenshots are for human eyes.
import { describe, it } from 'vitest'
import { expectSound, type Size, stage, visit } from './browser'

stage()

const PAGES: { name: string, path: string, user?: string }[] = [
  { name: 'citizen', path: '/' },
  { name: 'signin', path: '/signin.html' },
  { name: 'desk-ringing', path: '/desk', user: 'operator' },
  { name: 'desk-address', path: '/desk', user: 'operator' },
  { name: 'desk-quiet', path: '/desk', user: 'quiet' },
  { name: 'work-list', path: '/work', user: 'executor' },
  { name: 'work-order', path: '/work?case=2026-01-000409', user: 'executor' },
  { name: 'control-list', path: '/control', user: 'control' },
  { name: 'control-evidence', path: '/control?case=2026-01-000398', user: 'control' },
  { name: 'control-verify', path: '/control?case=2026-01-000388', user: 'control' },
  { name: 'control-clocks', path: '/control?case=2026-01-000409', user: 'control' },
  { name: 'control-escalations', path: '/control?view=escalations', user: 'mayor' },
  { name: 'audit-list', path: '/audit', user: 'auditor' },
  { name: 'audit-call', path: '/audit?call=c-1', user: 'auditor' },
  { name: 'board', path: '/board', user: 'supervisor' },
  { name: 'board-alarm', path: '/board', user: 'alarmed' },
  { name: 'reports', path: '/reports', user: 'mayor' },
  { name: 'admin', path: '/admin', user: 'admin' },
  { name: 'admin-trunks', path: '/admin/trunks', user: 'admin' },
  { name: 'admin-people', path: '/admin/operators', user: 'admin' },
  { name: 'admin-queues', path: '/admin/queues', user: 'admin' },
  { name: 'admin-ivr', path: '/admin/ivr?node=topics', user: 'admin' },
  { name: 'admin-prompts', path: '/admin/prompts', user: 'admin' },
  { name: 'admin-changes', path: '/admin/changes', user: 'admin' },
  { name: 'not-yours', path: '/admin', user: 'auditor' },
]

for (const size of ['desk', 'phone'] as const satisfies readonly Size[]) {
  for (const lang of ['uk', 'he']) {
    describe(`${lang} ${size}`, () => {
      it.each(PAGES)('$name', async ({ name, path, user }) => {
        const visited = await visit(path, { user, lang, size })
        if (name === 'desk-address') {
          await visited.page.click('#address')
          await visited.page.keyboard.type('леніна 12 кв 400')
          await visited.page.locator('#address-list [role=option]').first().waitFor()
        }
        if (name === 'board-alarm') await visited.page.getByRole('alert').waitFor()
        await visited.page.screenshot({ path: `screenshots/${name}.${lang}.${size}.png`, fullPage: size === 'phone' })
        await expectSound(visited)
        await visited.close()
      })
    })
  }
}

describe('dark', () => {
  it.each(PAGES.filter(({ name }) => ['citizen', 'desk-ringing', 'control-evidence', 'audit-call', 'board'].includes(name)))('$name', async ({ name, path, user }) => {
    const visited = await visit(path, { user, lang: 'en', dark: true })
    await visited.page.screenshot({ path: `screenshots/${name}.en.dark.png` })
    await expectSound(visited)
    await visited.close()
  })
})
