import { defineConfig } from 'vitest/config'

// Two projects: `unit` is the inner loop (pure code, goldens, in-memory transports); `scenario` starts real Envoys,
// real kubectl and real servers. `npm test` runs both.
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Pure code keeps no state between tests: one load of its modules serves all files of a worker.
          isolate: false,
          include: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'test/unit/**/*.test.ts'],
          pool: 'threads',
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'scenario',
          include: ['test/scenarios/**/*.test.ts', 'src/**/*.scenario.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 240_000,
          // Dozens of processes share CI's two cores: what fails once there is tried once more, and both tries are shown.
          retry: process.env['CI'] ? 1 : 0,
          hookTimeout: 240_000,
        },
      },
    ],
  },
})
