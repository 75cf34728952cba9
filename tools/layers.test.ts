import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { breaches, readSources } from './layers.ts'

const src = join(import.meta.dirname, '../src')

describe('layer table', () => {
  it('holds for every import in src/', () => {
    const sources = readSources(src)
    expect(sources.length).toBeGreaterThan(10)
    expect(breaches(src, sources)).toEqual([])
  })

  const one = (path: string, text: string): string[] => breaches(src, [{ path: join(src, path), text }])

  it('finds an upward import', () => {
    expect(one('mesh/a.ts', `import { x } from '../backends/envoy/index.ts'`)).toHaveLength(1)
    expect(one('report/a.ts', `import type { x } from '../resources/index.ts'`)).toHaveLength(1)
  })

  it('finds imports past a door, of siblings and of the outside world', () => {
    expect(one('mesh/a.ts', `import { x } from '../resources/istio/deep/file.ts'`)).toHaveLength(1)
    expect(one('dialects/smh/a.ts', `import { x } from '../gloo/index.ts'`)).toHaveLength(1)
    expect(one('mesh/a.ts', `import { readFileSync } from 'node:fs'`)).toHaveLength(1)
    expect(one('nowhere/a.ts', ``)).toHaveLength(1)
  })

  it('allows what the table allows', () => {
    expect(
      one('mesh/a.ts', `import { x } from '../resources/istio/index.ts'\nimport { y } from '../lib/index.ts'`),
    ).toEqual([])
    expect(one('cli/a.ts', `import { readFileSync } from 'node:fs'`)).toEqual([])
  })
})
