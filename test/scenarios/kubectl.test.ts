// The kubectl conformance set against an embedded cluster, against what known-failures.json says still fails.
import { expect, it } from 'vitest'
import { runNode } from './run-command.ts'

it('kubectl sees what it sees of a real API server, but for the known failures', { timeout: 700_000 }, async () => {
  const { exit, printed } = await runNode(['test/conformance/run-kubectl.mjs'], { timeoutMs: 680_000 })
  expect(printed).toMatch(/^\d+ passed, \d+ failed$/m)
  expect(exit).toBe(0)
})
