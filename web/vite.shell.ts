// Writes work-shell.js: the service worker of the executor's page with the list of the files that page is made of.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'

const PAGE = 'pages/work/Work.svelte'

export function workShell(): Plugin {
  return {
    name: 'work-shell',
    apply: 'build',
    generateBundle(_, bundle) {
      const wanted = new Set<string>()
      const add = (name: string) => {
        const chunk = bundle[name]
        if (wanted.has(name) || chunk?.type !== 'chunk') return
        wanted.add(name)
        const css = (chunk as { viteMetadata?: { importedCss?: Set<string> } }).viteMetadata?.importedCss ?? []
        for (const file of css) wanted.add(file)
        chunk.imports.forEach(add)
      }
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === 'chunk' && (file.isEntry || file.facadeModuleId?.endsWith(PAGE) || file.facadeModuleId?.includes('virtual:words/'))) add(name)
        if (file.type === 'asset' && (name.endsWith('.woff2') || name.endsWith('.svg'))) wanted.add(name)
      }
      const files = [...wanted].sort().map((name) => `/${name}`)
      const script = readFileSync(new URL('./src/shell/work-shell.js', import.meta.url), 'utf8')
      const version = createHash('sha256').update(script + files.join()).digest('hex').slice(0, 12)
      const source = `const VERSION = '${version}'\nconst FILES = ${JSON.stringify(files)}\n${script}`
      this.emitFile({ type: 'asset', fileName: 'work-shell.js', source })
    },
  }
}
