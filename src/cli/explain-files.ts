// `fairlead explain` on files: every pod in them is a proxy that is given what translation makes.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { staticMesh } from '../control-plane/explain/index.ts'
import { snapshotOf, staticWorld, systemNamespace, type World } from '../discovery/index.ts'
import type { ObjectRef } from '../report/index.ts'
import { groupKind, type KubeObject, readObjects, soundObject } from '../resources/index.ts'
import { DebugApiError } from './debug-api.ts'
import type { ProxySource } from './explain.ts'

export interface ExplainFiles {
  /** NAME=FILE; a cluster may have several. */
  readonly clusters: readonly string[]
  readonly meshConfig: string | undefined
}

/** Proxies read the objects of their own cluster; where it has none of Istio's, those of the first. */
export function meshOfFiles(files: ExplainFiles, fail: (message: string) => never): ProxySource {
  const objects = new Map<string, KubeObject[]>()
  const places = new Map<string, (path: string) => string>()
  for (const text of files.clusters) {
    const at = text.indexOf('=')
    if (at <= 0) fail(`--cluster ${text}: must be NAME=FILE`)
    const [name, file] = [text.slice(0, at), text.slice(at + 1)]
    const { objects: read, problems } = readObjects(readFile(file, fail), file, name)
    const broken = problems.find(({ severity }) => severity === 'error')
    if (broken) fail(`${file}: ${broken.message}`)
    for (const each of read) places.set(placeKey(each.ref), (path) => `${basename(file)}:${each.locate(path).line}`)
    const sound = read.map(({ object }) => soundObject(object, name).object)
    objects.set(name, [...(objects.get(name) ?? []), ...sound])
  }
  const clusters = [...objects.keys()]
  if (files.meshConfig !== undefined) {
    const mesh = readFile(files.meshConfig, fail)
    for (const own of objects.values()) own.push(meshConfigMap(mesh))
  }
  const snapshot = snapshotOf(objects, groupKind)
  const worlds = new Map<string, World>()
  const worldOf = (cluster: string): World => {
    const speaks = objects.get(cluster)?.some(({ apiVersion }) => apiVersion.includes('.istio.io/')) ?? false
    const primary = speaks ? cluster : (clusters[0] ?? cluster)
    const world = worlds.get(primary) ?? staticWorld(snapshot, { primary, clusters })
    worlds.set(primary, world)
    return world
  }
  const mesh = staticMesh(clusters, worldOf)
  return {
    async find(name) {
      const found = mesh.find(name)
      if (found.length > 1)
        throw new DebugApiError(`proxy ${name} is in several clusters: ${found.map((proxy) => proxy.name).join(', ')}`)
      return found[0]
    },
    names: async () => mesh.names,
    placeOf: (ref, path) => places.get(placeKey(ref))?.(path ?? ''),
    clusters: async () => clusters,
    owners: async () => (address) => mesh.ownersOf(address),
    all: async () =>
      mesh.names.flatMap((name) =>
        mesh.find(name).map((config) => ({ cluster: name.split('/')[0] ?? '', workload: name, config })),
      ),
    entryPort: async (address, port) => mesh.entryPort(address, port),
    tracing: async (work) => work(mesh),
  }
}

/** Without its version: resources tell of objects by the version that they know. */
function placeKey({ cluster, kind, namespace, name }: ObjectRef): string {
  return [cluster, kind, namespace, name].join('/')
}

function readFile(file: string, fail: (message: string) => never): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    return fail(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function meshConfigMap(mesh: string): KubeObject {
  const data = { mesh }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: systemNamespace },
    data,
  } as KubeObject
}
