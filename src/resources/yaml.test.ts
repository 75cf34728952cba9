import { describe, expect, it } from 'vitest'
import { durationMs } from './duration.ts'
import { readObjects } from './yaml.ts'

const text = `apiVersion: v1
kind: A
metadata: {name: a, labels: {on: yes, mode: 0644, day: 2020-01-01, n: y, dot: .}}
spec:
  list: [b, {c.d: e}]
---
apiVersion: v1
kind: B
metadata: {name: b
---
kind: C
apiVersion: v1
kind: D
metadata: {name: d}
---
# nothing here
---
foo: bar
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: E, metadata: {name: e}}
- {apiVersion: v1, kind: F, metadata: {name: f},
   spec: {x: 1}}
`

describe('readObjects', () => {
  const { objects, problems } = readObjects(text, 'f.yaml')

  it('reads the good ones', () => {
    expect(objects.map((o) => o.object.kind)).toEqual(['A', 'D', 'E', 'F'])
  })

  it('reads scalars as kubectl does', () => {
    expect(objects[0]?.object.metadata.labels).toEqual({ true: true, mode: 420, day: '2020-01-01', n: 'y', dot: '.' })
  })

  it('says what is wrong with the others, and where', () => {
    expect(problems.map((p) => [p.code, p.object.kind, p.at?.line, p.at?.column])).toEqual([
      ['yaml-syntax', 'B', 10, 1],
      ['duplicate-key', 'D', 13, 1],
      ['not-an-object', '', 18, 1],
    ])
  })

  it('finds fields, and the nearest part of what is not there', () => {
    const line = (index: number, path: string): unknown => {
      const at = objects[index]?.locate(path)
      return [at?.line, at?.column]
    }
    expect(line(0, 'spec.list[1][c.d]')).toEqual([5, 14])
    expect(line(0, 'spec.none.at[0].all')).toEqual([4, 1])
    expect(line(0, '')).toEqual([1, 1])
    expect(line(3, 'spec.x')).toEqual([25, 11])
  })

  it('does not grow a bomb', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
    for (let i = 0; i < 8; i++)
      bomb.push(`${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
    expect(readObjects(bomb.join('\n'), 'f').problems.map((p) => p.code)).toEqual(['yaml-syntax'])
  })
})

describe('durationMs', () => {
  it.each([
    ['1s', 1000],
    ['1.5s', 1500],
    ['1h30m', 5_400_000],
    ['100ms', 100],
    ['0', 0],
    ['-2s', -2000],
    ['1500us', 1.5],
  ])('%s', (written, ms) => expect(durationMs(written)).toBe(ms))
  it.each(['', '5', 's', '1d', '1 s', '1.s.', '--1s'])('refuses %s', (written) =>
    expect(durationMs(written)).toBeUndefined(),
  )
})
