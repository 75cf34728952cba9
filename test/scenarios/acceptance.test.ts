// The acceptance files: the guides', our own beside this file, and the guide pages, each on a fresh sandbox with real Envoys.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, runNode } from './run-command.ts'

const runner = join(root, 'test/scenario/run.ts')
const minutes = 60_000

/** Guides whose every step is expected to hold; the others come with the issues that build them. */
const guides = ['000.yaml', '001.yaml', '002.yaml', '003.yaml', '004.yaml'].map((name) =>
  join(root, 'test/conformance/seeds', name),
)
/** Pages whose commands are run: those that name the sandbox that they start from. */
const pages = readdirSync(join(root, 'docs/guides'))
  .map((name) => join(root, 'docs/guides', name))
  .filter((path) => /^<!-- sandbox: /m.test(readFileSync(path, 'utf8')))
const own = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => join(import.meta.dirname, name))

describe.concurrent('acceptance', () => {
  it.each([...guides, ...own, ...pages])('%s', { timeout: 8 * minutes }, async (file) => {
    const { exit, printed } = await runNode([runner, '--skip', 'observe', file], { timeoutMs: 7 * minutes })
    expect(printed).toMatch(/^\d+ passed, 0 failed$/m)
    expect(exit).toBe(0)
  })
})
