import { defineConfig } from 'vitest/config'

// Pass it with --config: vitest looks for no file of this name by itself.
export default defineConfig({
  test: {
    passWithNoTests: false,
    // Starts a real server when the first suite asks for it; unit tests never do.
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    // Servers are stopped in there.
    teardownTimeout: 60_000,
    // What is awaited comes; a second, the default, is nothing on a machine that does other things, too.
    expect: { poll: { timeout: 20_000 } },
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts', 'services/*/src/**/*.ts'],
      // Hooks run in a browser: the page's own suite drives them.
      exclude: ['**/main.ts', 'packages/testkit/**', 'packages/web/src/**/use-*.ts', '**/*.test.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90, branches: 80 },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages,services}/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'scripts/test/**'],
          // Not 0: a group of that number with a single worker would run last.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['{packages,services}/*/test/**/*.test.ts'],
          // Few, because the servers they share run on the same cores.
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['scripts/test/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
