// For tests: worlds written as YAML.
import { parseAllDocuments } from 'yaml'
import { snapshotOf, staticWorld, type World } from '../../discovery/index.ts'
import { type Proxy, proxyOfDescription } from '../../mesh/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'

/** A world of the clusters with the objects of a text each; the first one is the primary. */
export function worldOf(texts: Readonly<Record<string, string>>, meshConfig = ''): World {
  const clusters = Object.entries(texts).map(([name, text]) => [name, objectsOf(text)] as const)
  const [primary = '', own] = clusters[0] ?? []
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' } }
  if (meshConfig !== '') own?.push({ ...settings, data: { mesh: meshConfig } } as KubeObject)
  return staticWorld(snapshotOf(new Map(clusters), groupKind), { primary })
}

function objectsOf(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? [])
}

/** A proxy of cluster `east`, as `fairlead envoy --proxy` takes it. */
export function proxyOf(description: Readonly<Record<string, unknown>>): Proxy {
  return proxyOfDescription({ namespace: 'shop', ips: ['10.1.1.1'], ...description }, 'east')
}
