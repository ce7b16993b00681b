// Drives the pages with a real Ringback behind them: RINGBACK=path/to/ringback npm run test:service.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['tests/service/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 120_000, fileParallelism: false, bail: 1 },
})
