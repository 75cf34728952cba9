// Runs acceptance files and guide pages, each on a fresh sandbox with real Envoys.
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root, runNode } from './run-command.ts'

const runner = join(root, 'test/scenario/run.ts')
const minutes = 60_000

/** One test for each file: all its steps pass. */
export function accept(files: readonly string[]): void {
  it.each(files)('%s', { timeout: 8 * minutes }, async (file) => {
    const { exit, printed } = await runNode([runner, '--skip', 'observe', join(root, file)], { timeoutMs: 7 * minutes })
    expect(printed).toMatch(/^\d+ passed, 0 failed$/m)
    expect(exit).toBe(0)
  })
}
