// The form of the message catalogue. Every message stands once, in all languages side by side, so that a missing
// translation does not compile. Plural messages list their forms with `|` in the order of PLURAL_FORMS.

export const LANGUAGES = ['uk', 'en', 'lt', 'pl', 'ru', 'he'] as const
export type Language = (typeof LANGUAGES)[number]

/** One text per language, in the order of LANGUAGES. */
export type Entry = readonly [uk: string, en: string, lt: string, pl: string, ru: string, he: string]

/** Names of the languages in themselves. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  uk: 'Українська', en: 'English', lt: 'Lietuvių', pl: 'Polski', ru: 'Русский', he: 'עברית',
}

/** The CLDR categories that whole numbers take, in the order in which a plural message lists its forms. */
export const PLURAL_FORMS: Record<Language, readonly Intl.LDMLPluralRule[]> = {
  uk: ['one', 'few', 'many'],
  en: ['one', 'other'],
  lt: ['one', 'few', 'other'],
  pl: ['one', 'few', 'many'],
  ru: ['one', 'few', 'many'],
  he: ['one', 'two', 'other'],
}

export function messages<const T extends Record<string, Entry>>(entries: T): T {
  return entries
}

export function isRightToLeft(language: Language): boolean {
  return language === 'he'
}

export function isLanguage(text: string | null | undefined): text is Language {
  return LANGUAGES.includes(text as Language)
}

export type Params = Record<string, string | number>

/** The text with `{name}` filled in; `count` chooses the plural form. */
export function fill(text: string, language: Language, params: Params = {}): string {
  if (text.includes('|')) {
    const forms = text.split('|')
    const category = new Intl.PluralRules(language).select(Number(params.count ?? 0))
    text = forms[Math.max(0, PLURAL_FORMS[language].indexOf(category))] ?? text
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole))
}
