// `npm run shots`: every scene of scenes.ts in Ukrainian and Hebrew at desk and phone size, into screenshots/all/, for
// human eyes; beside each the list of what a program can see of it (`findings.*.txt`). SHOTS_DARK=1 takes them in the dark.
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { beforeAll, describe, it } from 'vitest'
import { type Size, stage, visit } from '../pages/browser'
import { findings } from './findings'
import { SCENES } from './scenes'

const dark = Boolean(process.env.SHOTS_DARK)
const OUT = `screenshots/${dark ? 'dark' : 'all'}`
/** The narrowest telephone that is still sold; the desk of an office. */
const LOOKS = [['uk', 'desk'], ['he', 'desk'], ['uk', 'narrow'], ['he', 'narrow']] as const satisfies readonly (readonly [string, Size])[]

stage()

describe.each(LOOKS)('%s %s', (lang, size) => {
  const list = `${OUT}/findings.${lang}.${size}.txt`
  beforeAll(() => {
    mkdirSync(OUT, { recursive: true })
    rmSync(list, { force: true })
  })

  it.each(SCENES)('$name', async ({ name, path, user, before, prepare, act }) => {
    before?.()
    const wall = path.includes('wall=1')
    const visited = await visit(path, { user, lang, size: wall && size === 'desk' ? 'wall' : size, dark, prepare })
    await act?.(visited.page, visited)
    await visited.page.waitForTimeout(150)
    await visited.page.screenshot({ path: `${OUT}/${name}.${lang}.${size === 'narrow' ? 'phone' : size}.png`, fullPage: true })
    const found = await visited.page.evaluate(findings, { lang, touch: size === 'narrow' })
    appendFileSync(list, found.map((line) => `${name}: ${line}\n`).join(''))
  })
})
