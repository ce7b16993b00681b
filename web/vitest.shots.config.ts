// Pictures of every page of web/dist, for human eyes: `npm run shots`.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Nothing is asserted but that each scene can be reached; two workers halve the waiting for the browser.
  test: { include: ['tests/shots/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, maxWorkers: 2, reporters: ['dot'] },
})
