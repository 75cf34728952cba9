import { expect, it } from 'vitest'
import { Engine } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import { ObjectTables } from './object-tables.ts'
import { defineStandIns } from './stand-ins.ts'
import { TrackedWorlds } from './tracked-world.ts'

function standIns(pods: readonly KubeObject[], nodes: readonly KubeObject[]): string[] {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const clusters = engine.table<ClusterRow>('clusters')
  const row = { name: 'east', aliases: [], isManagement: true, uid: 'u', isKnown: true, staleSince: undefined }
  clusters.set('east', row)
  for (const pod of pods) tables.set('east', '/Pod', `${pod.metadata.namespace}/${pod.metadata.name}`, pod)
  for (const node of nodes) tables.set('east', '/Node', node.metadata.name, node)
  engine.rebuild()
  const found: string[] = []
  const all = defineStandIns({
    engine,
    worlds: new TrackedWorlds(tables),
    clusters,
    place: (node) => ({ primary: 'east', proxy: node }),
    show: ({ proxy }) => {
      found.push(`${proxy.id} ${proxy.locality.zone} ${String(proxy.metadata['SERVICE_ACCOUNT'])}`)
      return { resources: { lists: () => [], includes: () => false, get: () => undefined }, close: () => undefined }
    },
  })
  for (const show of all()) show()
  return found
}

function pod(at: number, namespace: string, nodeName: string, hasProxy = true): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `p${at}`,
      namespace,
      labels: hasProxy ? { 'security.istio.io/tlsMode': 'istio' } : {},
    },
    spec: { nodeName, serviceAccountName: 'sa' },
    status: { podIP: `10.0.0.${at}` },
  }
}

const node = (name: string, zone: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    labels: { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': zone },
  },
})

const nodes = [node('n1', 'z1'), node('n2', 'z2')]

it('stands in for each namespace and locality once, for pods that have a proxy', () => {
  const pods = Array.from({ length: 24 }, (_, at) => pod(at, at % 2 === 0 ? 'a' : 'b', at < 12 ? 'n1' : 'n2'))
  expect(standIns([...pods, pod(99, 'c', 'n1', false)], nodes)).toEqual([
    'sidecar~10.0.0.0~p0.a~a.svc.cluster.local z1 sa',
    'sidecar~10.0.0.12~p12.a~a.svc.cluster.local z2 sa',
    'sidecar~10.0.0.1~p1.b~b.svc.cluster.local z1 sa',
    'sidecar~10.0.0.13~p13.b~b.svc.cluster.local z2 sa',
  ])
})

it('leaves small meshes alone', () => {
  expect(standIns([pod(1, 'a', 'n1'), pod(2, 'b', 'n1')], nodes)).toEqual([])
})
