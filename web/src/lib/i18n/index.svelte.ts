// The chosen language: texts, direction of writing, names of things.
import type { Name } from '../api/types'
import type { Key } from './all'
import { fill, isLanguage, isRightToLeft, type Language, type Params } from './catalogue'

const STORED = 'ringback.language'

type Texts = Readonly<Record<string, string>>

const FETCH: Record<Language, () => Promise<{ default: Texts }>> = {
  uk: () => import('virtual:words/uk'),
  en: () => import('virtual:words/en'),
  lt: () => import('virtual:words/lt'),
  pl: () => import('virtual:words/pl'),
  ru: () => import('virtual:words/ru'),
  he: () => import('virtual:words/he'),
}

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED)
  if (isLanguage(stored)) return stored
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage)
  return wanted ?? 'uk'
}

class I18n {
  lang = $state<Language>(firstLanguage())
  texts = $state.raw<Texts>({})
  #wanted = this.lang

  /** To be awaited before anything is shown. */
  async load() {
    this.texts = (await FETCH[this.lang]()).default
    this.#tellDocument()
  }

  /** The page changes when the texts are there; of several choices the last counts. */
  async choose(lang: Language) {
    this.#wanted = lang
    const texts = (await FETCH[lang]()).default
    if (this.#wanted !== lang) return
    this.texts = texts
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
  return fill(i18n.texts[key] ?? '', i18n.lang, params)
}

/** Whether there are words for it. */
export const isKey = (key: string): key is Key => key in i18n.texts

/** The text of `prefix.code`, or the code itself when the catalogue does not know it. */
export function tCode(prefix: string, code: string | null | undefined): string {
  if (!code) return '—'
  const text = i18n.texts[`${prefix}.${code}`]
  return text ? fill(text, i18n.lang) : code.replaceAll('_', ' ')
}

/** Figures inside a sentence that may run the other way: left to right. */
export const leftToRight = (figures: string) => `\u2066${figures}\u2069`

/** A name inside a sentence that may run the other way: first strong isolate. */
export const isolated = (name: string) => `\u2068${name}\u2069`

/** A name of the city plan in the chosen language, else in any. */
export function named(name: Name | null | undefined): string {
  if (!name) return ''
  if (typeof name === 'string') return name
  return name[i18n.lang] ?? name['uk'] ?? Object.values(name)[0] ?? ''
}
