import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { isDrained, snapshotOf, staticWorld, type World } from '../../discovery/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import { drainedClustersOf, drainProblems } from './drains.ts'

const namespace = (labels: string): string =>
  `{apiVersion: v1, kind: Namespace, metadata: {name: istio-system, labels: ${labels}}}`
const drain = (spec: string, name = 'a'): string =>
  `{apiVersion: fairlead.dev/v1alpha1, kind: Drain, metadata: {name: ${name}}, spec: ${spec}}`

function worldOf(clusters: Readonly<Record<string, string>>, primary = 'east'): World {
  const read = (text: string): KubeObject[] =>
    parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? [])
  const objects = new Map(Object.entries(clusters).map(([name, text]) => [name, read(text)]))
  return staticWorld(snapshotOf(objects, groupKind), { primary })
}

const drained = (world: World): string[] => world.clusters().filter((name) => isDrained(world, name))

describe('a cluster is drained', () => {
  it('by a label of its system namespace', () => {
    expect(drained(worldOf({ east: '', west: namespace('{fairlead.dev/drain: "true"}') }))).toEqual(['west'])
  })

  it('by an object in it', () => {
    expect(drained(worldOf({ east: '', west: drain('{}') }))).toEqual(['west'])
    expect(drained(worldOf({ east: '', west: drain('{clusters: [.]}') }))).toEqual(['west'])
  })

  it('by an object in any cluster that it is joined with, so that its own API need not answer', () => {
    const world = worldOf({ east: drain('{clusters: [west]}'), west: '' })
    expect(drained(world)).toEqual(['west'])
    expect(world.get(drainedClustersOf, 'a')).toEqual(['west'])
    expect(world.get(drainProblems, undefined)).toEqual([])
  })
})

describe('problems of Drains', () => {
  const told = (world: World): string[] =>
    world.get(drainProblems, undefined).map(({ code, path, object }) => `${object.name} ${code} ${path}`)

  it('tell of clusters that nobody knows', () => {
    expect(told(worldOf({ east: drain('{clusters: [north]}'), west: '' }))).toEqual([
      'a reference-not-found spec.clusters[0]',
    ])
  })

  it('tell that nobody is left', () => {
    expect(told(worldOf({ east: drain('{clusters: [east, west]}'), west: '' }))).toEqual(['a no-effect spec'])
  })
})
