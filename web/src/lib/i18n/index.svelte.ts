// The chosen language: texts, direction of writing, names of things.
import type { Name } from '../api/types'
import { CATALOGUE, type Key } from './all'
import { fill, isLanguage, isRightToLeft, type Language, type Params } from './catalogue'

const STORED = 'ringback.language'

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED)
  if (isLanguage(stored)) return stored
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage)
  return wanted ?? 'uk'
}

class I18n {
  lang = $state<Language>(firstLanguage())

  constructor() {
    this.#tellDocument()
  }

  choose(lang: Language) {
    this.lang = lang
    localStorage.setItem(STORED, lang)
    this.#tellDocument()
  }

  #tellDocument() {
    document.documentElement.lang = this.lang
    document.documentElement.dir = isRightToLeft(this.lang) ? 'rtl' : 'ltr'
  }
}

export const i18n = new I18n()

export function t(key: Key, params?: Params): string {
  return fill(CATALOGUE[key], i18n.lang, params)
}

/** The text of `prefix.code`, or the code itself when the catalogue does not know it. */
export function tCode(prefix: string, code: string | null | undefined): string {
  if (!code) return '—'
  const entry = CATALOGUE[`${prefix}.${code}` as Key]
  return entry ? fill(entry, i18n.lang) : code.replaceAll('_', ' ')
}

/** A name inside a sentence that may run the other way: first strong isolate. */
export const isolated = (name: string) => `\u2068${name}\u2069`

/** A name of the city plan in the chosen language, else in any. */
export function named(name: Name | null | undefined): string {
  if (!name) return ''
  if (typeof name === 'string') return name
  return name[i18n.lang] ?? name['uk'] ?? Object.values(name)[0] ?? ''
}
