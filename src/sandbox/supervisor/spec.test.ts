import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sampleObjects } from './samples.ts'
import { clustersOf, SpecError } from './spec.ts'
import { readSpec } from './spec-file.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-spec-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function read(text: string): ReturnType<typeof readSpec> {
  const file = join(folder, 'sandbox.yaml')
  writeFileSync(file, text)
  return readSpec(file)
}

describe('a sandbox file', () => {
  test('says as little as it wants to', () => {
    const spec = read('clusters: [{name: a, context: ctx, region: eu, management: true}, {name: b, registered: false}]')
    expect(clustersOf(spec)).toEqual([
      {
        name: 'a',
        context: 'ctx',
        region: 'eu',
        zone: 'eu-a',
        network: 'network-a',
        management: true,
        registered: true,
      },
      {
        name: 'b',
        context: 'b',
        region: '',
        zone: '',
        network: 'network-b',
        management: false,
        registered: false,
      },
    ])
  })

  test.each([
    ['clusters: []', 'clusters'],
    ['clusters: [{name: A}]', '/clusters/0/name'],
    ['clusters: [{name: a, colour: red}]', '/clusters/0'],
    ['clusters: [', 'sandbox.yaml'],
  ])('that is wrong is refused, with the place: %s', (text, place) => {
    expect(() => read(text)).toThrow(SpecError)
    expect(() => read(text)).toThrow(place)
  })

  test('two clusters of one name or context are refused', () => {
    expect(() => clustersOf({ clusters: [{ name: 'a' }, { name: 'a' }] })).toThrow('two clusters have the name a')
    const twins = [
      { name: 'a', context: 'x' },
      { name: 'b', context: 'x' },
    ]
    expect(() => clustersOf({ clusters: twins })).toThrow('two clusters have the context x')
  })
})

describe('a sample', () => {
  const names = (only?: string[]): string[] =>
    sampleObjects('bookinfo', only).map((object) => `${object.kind} ${object.metadata.name}`)

  test('is four services with their accounts and six Deployments', () => {
    expect(names().filter((name) => name.startsWith('Deployment'))).toHaveLength(6)
    expect(names()).toContain('ServiceAccount bookinfo-reviews')
  })

  test('in part brings what belongs to the part, and nothing else', () => {
    expect(names(['reviews-v3', 'ratings-v1'])).toEqual([
      'Service ratings',
      'ServiceAccount bookinfo-ratings',
      'Deployment ratings-v1',
      'Service reviews',
      'ServiceAccount bookinfo-reviews',
      'Deployment reviews-v3',
    ])
  })

  test('takes a number of replicas', () => {
    const [sleep] = sampleObjects('sleep', undefined, 3).filter((object) => object.kind === 'Deployment')
    expect(sleep?.spec).toMatchObject({ replicas: 3 })
  })

  test('or Deployment that is not there is refused with what there is', () => {
    expect(() => sampleObjects('nothing')).toThrow(/there is no sample nothing; there are .*bookinfo/)
    expect(() => sampleObjects('sleep', ['x'])).toThrow('sample sleep has no Deployment x; it has sleep')
  })
})
