// One DestinationRule for each service and cluster: all that TSB's objects say of how the service is called there.
import { asMap, asText, type ClusterObject, compact, type FactService, hasLabels, type Plain } from '../shared/index.ts'
import { backendsOf, type TsbCluster } from './clusters.ts'
import { type ExposedService, hostOf } from './exposure.ts'
import { failoverSettingsOf, localityLbSetting } from './failover-settings.ts'
import { groupOfObject, type Hierarchy, holds } from './hierarchy.ts'
import type { Subset } from './service-routes.ts'
import { dashed, multiclusterNamespace, written } from './written.ts'

/** A service on one cluster, with all that bears on calls to it from there. */
export interface CalledService {
  readonly cluster: TsbCluster
  readonly namespace: string
  readonly name: string
  /** The cluster's own Service. */
  readonly local: FactService | undefined
  readonly remotes: readonly ExposedService[]
  /** Other clusters may call it, or it is in other clusters too. */
  readonly isShared: boolean
  readonly subsets: readonly Subset[]
}

/** Ten gateway errors in a row take an endpoint out of use; a plain 500 never does. All may be out. */
const outlierDetection = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 10, maxEjectionPercent: 100 }

/**
 * Of calls that may go to another cluster, where Istio runs: a gateway that hangs must not hold a request for Istio's ten
 * seconds, thrice. Envoys that Fairlead drives have a shorter one anyway.
 */
const connectTimeout = '2s'

export function destinationRule(service: CalledService, hierarchy: Hierarchy): ClusterObject[] {
  const { cluster, namespace, name, local, isShared, subsets } = service
  if (!isShared && subsets.length === 0) return []
  const host = hostOf({ name, namespace })
  const isElsewhere = local === undefined
  const policy = compact({
    loadBalancer: { localityLbSetting: localityLbSetting(failoverSettingsOf(levelsOf(service, hierarchy))) },
    connectionPool: connectionPoolOf(service),
    outlierDetection,
    tls: isShared ? tlsOf(service) : undefined,
  })
  return [
    written({
      cluster: cluster.name,
      kind: 'DestinationRule',
      namespace: isElsewhere ? multiclusterNamespace : namespace,
      name: `${isElsewhere ? 'global-drinternal-' : isShared ? 'dr-ew-' : 'dr-'}${dashed(host)}`,
      spec: compact({
        host,
        exportTo: ['*'],
        trafficPolicy: policy,
        subsets: subsets.map((subset) =>
          compact({ name: subset.name, labels: subset.labels, trafficPolicy: stickiness(subset, policy) }),
        ),
      }),
    }),
  ]
}

/**
 * What keeps the requests of one client with one pod of a version. What a version, or a port, says of its policy takes the
 * place of all that the service says; so that is repeated.
 */
function stickiness({ ports }: Subset, policy: { readonly loadBalancer: object }): object {
  const withHash = (session: Plain | undefined): object | undefined => {
    const consistentHash = hashOf(session)
    return consistentHash && { ...policy, loadBalancer: { ...policy.loadBalancer, consistentHash } }
  }
  const whole = withHash(ports.find(({ port }) => port === 0)?.stickySession)
  const portLevelSettings = ports.flatMap(({ port, stickySession }) => {
    const own = port === 0 ? undefined : withHash(stickySession)
    return own === undefined ? [] : [{ port: { number: port }, ...own }]
  })
  return compact({ ...whole, portLevelSettings })
}

function hashOf(session: Plain | undefined): object | undefined {
  const { header, cookie, useSourceIp } = session ?? {}
  if (header !== undefined) return { httpHeaderName: asText(header) }
  if (cookie !== undefined) return { httpCookie: { ttl: '0s', ...asMap(cookie) } }
  return useSourceIp === true ? { useSourceIp } : undefined
}

/**
 * A gateway that passes TLS on balances connections, not requests: so each connection carries few, and all pods of the other
 * cluster get their share.
 */
const requestsPerConnection = 32

function connectionPoolOf({ cluster, remotes, isShared }: CalledService): object | undefined {
  const tcp = isShared && !cluster.isOurs ? { connectTimeout } : {}
  const http = remotes.length > 0 ? { maxRequestsPerConnection: requestsPerConnection } : {}
  return compact({ tcp, http })
}

/** What is said of a service at each level, farthest first. */
export function levelsOf({ cluster, namespace, name, remotes }: CalledService, hierarchy: Hierarchy): Plain[] {
  const workspace = hierarchy.owners.of(cluster.name, namespace) ?? remotes[0]?.workspace
  if (workspace === undefined) return []
  const above = hierarchy.settingsAbove(workspace.object.place)
  const setting = workspace.setting?.spec ?? {}
  const groups = hierarchy
    .groups('TrafficGroup')
    .filter((group) => group.workspace === workspace && holds(group, hierarchy.owners, cluster.name, namespace))
  const inGroup = (kind: 'TrafficSetting' | 'ServiceTrafficSetting') =>
    hierarchy.all(kind).filter((object) => {
      const group = groupOfObject(groups, object)
      return group !== undefined && !group.isDirect
    })
  const own = inGroup('ServiceTrafficSetting').filter(({ spec }) => isNamed(spec['service'], name, namespace))
  return [
    ...above.flatMap(({ spec }) => [asMap(spec['defaultTrafficSetting']), spec]),
    asMap(setting['defaultTrafficSetting']),
    setting,
    ...inGroup('TrafficSetting').map(({ spec }) => spec),
    ...own.map(({ spec }) => asMap(spec['settings'])),
  ]
}

/** Whether `namespace/host` names a service: by its whole host, its short name, or with a part of the host left out. */
export function isNamed(reference: unknown, name: string, namespace: string): boolean {
  if (typeof reference !== 'string') return false
  const slash = reference.indexOf('/')
  if (slash < 0) return reference === hostOf({ name, namespace })
  const [place, host] = [reference.slice(0, slash), reference.slice(slash + 1)]
  return (
    place === namespace &&
    [name, `${name}.${namespace}`, `${name}.svc.cluster.local`, hostOf({ name, namespace })].includes(host)
  )
}

/** Mutual TLS, with everybody who may answer. Where pods without a proxy answer too, proxies decide for each. */
function tlsOf({ cluster, local, remotes }: CalledService): object | undefined {
  const own = local === undefined ? [] : backendsOf(cluster.facts, local)
  if (own.some(({ inMesh }) => !inMesh)) return undefined
  const identities = [
    ...(local === undefined ? [] : identitiesOf(cluster, local)),
    ...remotes.flatMap((remote) => identitiesOf(remote.cluster, remote.service)),
  ]
  const subjectAltNames = [...new Set(identities)].sort()
  return compact({ mode: 'ISTIO_MUTUAL', subjectAltNames })
}

/** Identities of the pods of a service, those included that are not running at the moment. */
function identitiesOf({ facts, trustDomain }: TsbCluster, service: FactService): string[] {
  const { namespace, selector } = service
  const accounts = [
    ...backendsOf(facts, service).map(({ serviceAccount }) => serviceAccount),
    ...facts.controllers
      .filter((each) => each.namespace === namespace && hasLabels(each.podLabels, selector))
      .map(({ serviceAccount }) => serviceAccount),
  ]
  return [...new Set(accounts)].map((account) => `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`)
}
