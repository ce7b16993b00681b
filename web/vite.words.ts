// The texts of one language as a file of its own: whoever reads Ukrainian does not fetch the other five. Sources keep all
// languages side by side (src/lib/i18n); `virtual:words/uk` is what the pages fetch.
import type { Plugin } from 'vite'
import { CATALOGUE } from './src/lib/i18n/all'
import { LANGUAGES } from './src/lib/i18n/catalogue'

const PREFIX = 'virtual:words/'

export function words(): Plugin {
  return {
    name: 'words',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : undefined),
    load(id) {
      const at = LANGUAGES.findIndex((language) => id === `\0${PREFIX}${language}`)
      if (at < 0) return undefined
      const texts = Object.entries(CATALOGUE).map(([key, entry]) => [key, entry[at]])
      // Parsed faster than the same written as code.
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(Object.fromEntries(texts)))})`
    },
  }
}
