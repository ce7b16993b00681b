// Opens every page of web/dist in a real Chromium against the mock server.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Half of a page test is waiting for the browser: two files at a time halve the whole.
  test: { include: ['tests/pages/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2 },
})
