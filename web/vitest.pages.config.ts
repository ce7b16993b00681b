// Opens every page of web/dist in a real Chromium against the mock server.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Half of a page test is waiting for the browser: two files at a time halve the whole. They run against the clock, on machines
  // that may be busy with other things: what fails is repeated once, and the run says of which that was so.
  test: { include: ['tests/pages/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2, retry: 1 },
})
