// Opens every page of web/dist in a real Chromium against the mock server.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['tests/pages/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
})
