// `npm run dev`: the pages with the API answered from tests/mock/, no service needed.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'
import { mockApi } from './tests/mock/server.ts'
import { words } from './vite.words.ts'

const mock: Plugin = {
  name: 'mock-api',
  configureServer(server) {
    const api = mockApi()
    server.middlewares.use((request, response, next) => {
      if (!api.handle(request, response)) next()
    })
    server.httpServer?.on('upgrade', (request, socket, head) => {
      if (request.url?.startsWith('/api/')) api.upgrade(request, socket, head)
    })
  },
}

export default defineConfig({ plugins: [svelte(), words(), mock] })
