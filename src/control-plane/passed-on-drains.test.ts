import { expect, it } from 'vitest'
import { Engine } from '../pipeline/index.ts'
import type { ClusterRow } from './cluster-rows.ts'
import { definePassedOnDrains } from './passed-on-drains.ts'
import { ObjectTables, TrackedWorlds } from './xds/index.ts'

function start() {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const clusters = engine.table<ClusterRow>('clusters')
  for (const name of ['mgmt', 'one', 'two'])
    clusters.set(name, {
      name,
      uid: name,
      isManagement: name === 'mgmt',
      isKnown: true,
      aliases: [],
      staleSince: undefined,
    })
  const drains = definePassedOnDrains(engine, new TrackedWorlds(tables), clusters)
  const drain = (cluster: string, spec: object, labels = {}): void =>
    tables.set(cluster, 'fairlead.dev/Drain', 'a', {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'Drain',
      metadata: { name: 'a', labels },
      spec,
    })
  const told = (cluster: string): unknown => {
    engine.rebuild()
    return engine.get(drains, cluster).map(({ spec }) => spec)
  }
  return { drain, told }
}

it('tells meshes that do not see each other what is drained', () => {
  const { drain, told } = start()
  expect(told('two')).toEqual([])
  drain('one', {})
  expect(told('two')).toEqual([{ clusters: ['one'] }])
  expect(told('mgmt')).toEqual([{ clusters: ['one'] }])
  expect(told('one')).toEqual([])
})

it('passes on what the management cluster says of any, and nobody else of strangers', () => {
  const { drain, told } = start()
  drain('mgmt', { clusters: ['two'] })
  expect([told('one'), told('two'), told('mgmt')]).toEqual([[{ clusters: ['two'] }], [{ clusters: ['two'] }], []])
  drain('one', { clusters: ['mgmt'] })
  expect(told('two')).toEqual([{ clusters: ['two'] }])
})

it('does not take its own word for that of a user', () => {
  const { drain, told } = start()
  drain('one', { clusters: ['two'] }, { 'fairlead.dev/owner': 'drain' })
  expect([told('one'), told('two'), told('mgmt')]).toEqual([[], [], []])
})
