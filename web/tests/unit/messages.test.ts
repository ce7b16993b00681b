// The catalogue is whole: every message in every language, the same blanks, the right number of plural forms.
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../src/lib/i18n/all'
import { LANGUAGES, PLURAL_FORMS, fill } from '../../src/lib/i18n/catalogue'

const entries = Object.entries(CATALOGUE)
const blanks = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort()

describe('messages', () => {
  it('exist in every language', () => {
    for (const [key, entry] of entries) {
      expect(entry.length, key).toBe(LANGUAGES.length)
      for (const text of entry) expect(text.trim(), key).not.toBe('')
    }
  })

  it('have the same blanks in every language', () => {
    for (const [key, entry] of entries) {
      // "One case" needs no figure: plural messages may leave `count` out.
      const needed = blanks(entry[0]).filter((name) => name !== 'count')
      for (const text of entry) expect(blanks(text).filter((name) => name !== 'count'), `${key}: ${text}`).toEqual(needed)
    }
  })

  it('have as many plural forms as the language has', () => {
    for (const [key, entry] of entries.filter(([, entry]) => entry[0].includes('|'))) {
      entry.forEach((text, i) => expect(text.split('|').length, `${key} ${LANGUAGES[i]}`).toBe(PLURAL_FORMS[LANGUAGES[i]!].length))
    }
  })

  it('find a form for every whole number', () => {
    for (const lang of LANGUAGES) {
      const rules = new Intl.PluralRules(lang)
      for (let n = 0; n <= 200; n += 1) expect(PLURAL_FORMS[lang], `${lang} ${n}`).toContain(rules.select(n))
    }
  })

  it('are written in the script of their language', () => {
    for (const [key, entry] of entries) {
      expect(entry[5], key).toMatch(/[\u0590-\u05ff]|SHA|SMS/)
      expect(entry[2], key).not.toMatch(/[\u0400-\u04ff\u0590-\u05ff]/)
      expect(entry[0], key).not.toMatch(/[ыэъё]/)
      expect(entry[4], key).not.toMatch(/[іїєґ]/)
    }
  })

  it('are all used somewhere', () => {
    const files = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((item) => item.isDirectory() ? files(`${folder}/${item.name}`) : [`${folder}/${item.name}`])
    const source = files('src').filter((file) => !file.includes('/i18n/')).map((file) => readFileSync(file, 'utf8')).join('\n')
    const unused = Object.keys(CATALOGUE).filter((key) => {
      if (source.includes(`'${key}'`)) return false
      // `trunk.failure.${reason}` names all that begin so.
      const family = key.slice(0, key.lastIndexOf('.'))
      if (source.includes(`\`${family}.$`) || source.includes(`tCode('${family}'`)) return false
      const prefix = key.slice(0, key.indexOf('.'))
      return !source.includes(`'${prefix}'`) && !source.includes(`\`${prefix}.$`) && !(prefix === 'citizen' && /step|water|heat|elec|hous|trans|waste|roads|other/.test(key)) && !key.startsWith('nav.')
    })
    expect(unused).toEqual([])
  })
})

describe('plurals', () => {
  it('follow the language', () => {
    const say = (count: number, lang: (typeof LANGUAGES)[number]) => fill(CATALOGUE['case.count'][LANGUAGES.indexOf(lang)]!, lang, { count })
    expect([1, 3, 5, 11, 21, 22].map((n) => say(n, 'uk'))).toEqual(['1 справа', '3 справи', '5 справ', '11 справ', '21 справа', '22 справи'])
    expect([1, 5, 10, 21].map((n) => say(n, 'lt'))).toEqual(['1 byla', '5 bylos', '10 bylų', '21 byla'])
    expect([1, 2, 3].map((n) => say(n, 'he'))).toEqual(['פנייה אחת', 'שתי פניות', '3 פניות'])
  })
})
