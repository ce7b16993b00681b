// The build of the pages: one bundle, nothing inlined (the CSP allows files only).
// `vite --mode mock` also answers the API, from tests/mock-server.ts.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

const mockApi: Plugin = {
  name: 'mock-api',
  async configureServer(server) {
    const { mockApi } = await import('./tests/mock-server.ts')
    const api = mockApi()
    server.middlewares.use((request, response, next) => {
      if (!api.handle(request, response)) next()
    })
    server.httpServer?.on('upgrade', (request, socket, head) => {
      if (request.url?.startsWith('/api/')) api.upgrade(request, socket, head)
    })
  },
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), ...(mode === 'mock' ? [mockApi] : [])],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 400 },
  server: { proxy: mode === 'mock' ? {} : { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
}))
