// The build of the pages: one bundle, nothing inlined (the CSP allows files only).
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { bundleWords } from './vite.bundle.ts'
import { workShell } from './vite.shell.ts'
import { words } from './vite.words.ts'

export default defineConfig({
  plugins: [svelte(), words(), bundleWords(), workShell()],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 500 },
  // `npm run dev:service` works against a running Ringback.
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true }, '/sip': { target: 'http://127.0.0.1:8080', ws: true }, '/readyz': 'http://127.0.0.1:8080' } },
})
