// The words of the page inside an exported case, all languages in one file: the program takes the city's into each bundle.
import type { Plugin } from 'vite'
import { bundle } from './src/lib/i18n/bundle'
import { CATALOGUE } from './src/lib/i18n/all'
import { LANGUAGES } from './src/lib/i18n/catalogue'

const PREFIXES = ['event.', 'role.', 'state.']

export function bundleWords(): Plugin {
  return {
    name: 'bundle-words',
    generateBundle() {
      const shared = Object.entries(CATALOGUE).filter(([key]) => PREFIXES.some((prefix) => key.startsWith(prefix)))
      const entries = [...shared, ...Object.entries(bundle)]
      const of = (at: number) => Object.fromEntries(entries.map(([key, entry]) => [key, entry[at]]))
      const words = Object.fromEntries(LANGUAGES.map((language, at) => [language, of(at)]))
      this.emitFile({ type: 'asset', fileName: 'bundle/words.json', source: JSON.stringify(words) })
    },
  }
}
