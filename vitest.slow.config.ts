import { defineConfig } from 'vitest/config';

/** `npm run test:slow`: whole runs of real processes, one after another so that they do not fight for the cores. */
export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    setupFiles: ['test/property-seed.ts'],
    pool: 'forks',
    maxWorkers: 1,
    // Against tests that hang, on machines however busy.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
