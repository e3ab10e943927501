import { defineConfig } from 'vitest/config';
import { NothingSkipped } from './test/support/nothing-skipped.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'catalog/**/*.test.ts'],
    globalSetup: ['test/support/compiled.ts', 'test/support/servers/vault-setup.ts', 'test/support/servers/postgres-setup.ts'],
    reporters: ['default', new NothingSkipped()],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 3,
  },
});
