// What Failovers and rules of the same files say against each other, without a cluster.
import { kubernetesHost, parseKubernetesHost, resolveHost, snapshotOf, staticWorld } from '../../discovery/index.ts'
import type { Problem } from '../../report/index.ts'
import type { Failover } from '../../resources/fairlead/index.ts'
import { groupKind, type KubeObject, objectKey } from '../../resources/index.ts'
import { fairleadKinds } from '../kinds.ts'
import { failoverProblems } from './problems.ts'
import { rulesFor } from './rule-problems.ts'

/**
 * Problems of Failovers among objects that were read together. Files do not tell which services and clusters there are: a Service that
 * is only named is taken to be there, and nothing is said of clusters.
 */
export function failoverProblemsTogether(objects: readonly KubeObject[]): readonly Problem[] {
  const failovers = objects.filter((object): object is Failover => groupKind(object) === fairleadKinds.failover)
  if (failovers.length === 0) return []
  const known = new Set(objects.map((object) => `${groupKind(object)} ${objectKey(object)}`))
  const hosts = new Set(failovers.flatMap(hostsOf))
  const assumed = [...hosts].flatMap((host) => standIn(host)).filter((one) => !known.has(`/Service ${objectKey(one)}`))
  const snapshot = snapshotOf(new Map([['', [...objects, ...assumed]]]), groupKind)
  const world = staticWorld(snapshot, { primary: '' })
  const ruled = [...hosts].filter((host) => rulesFor(world, host).length > 0)
  const isKnown = ({ path, message }: Problem): boolean =>
    path.endsWith('.subset') && ruled.some((host) => message.includes(` ${host} `))
  return world
    .get(failoverProblems, undefined)
    .filter((problem) => problem.code !== 'reference-not-found' || isKnown(problem))
}

function hostsOf({ spec, metadata }: Failover): string[] {
  return (spec?.hosts ?? []).map((host) => resolveHost(host, metadata.namespace ?? ''))
}

function standIn(host: string): KubeObject[] {
  const found = parseKubernetesHost(kubernetesHost(host))
  if (found === undefined) return []
  const spec = { clusterIP: '192.0.2.1', ports: [{ name: 'http', port: 80 }] }
  return [{ apiVersion: 'v1', kind: 'Service', metadata: { ...found }, spec }]
}
