import { labelNames, meshConfigOf, networkGateways, type Service, type World } from '../../../discovery/index.ts'
import {
  comparedLabels,
  comparesCallers,
  type EffectivePolicy,
  type EndpointClient,
  effectiveLocality,
  effectivePolicy,
  type FailoverPlan,
  failoverOf,
  givesPriorities,
  isClusterLocal,
  type LocalitySetting,
  labelsOfClient,
  type ProxyScope,
  ruleOf,
  sessionAffinity,
} from '../../../mesh/index.ts'
import type { ClusterSpec } from '../clusters/spec.ts'

/** Settings of a cluster's rule, over those that the mesh gives to all. */
export function policyOf(world: World, { binding, subset, port }: ClusterSpec): EffectivePolicy {
  const policy = withAffinity(binding.service, effectivePolicy(ruleOf(world, binding.rule), subset, port.number))
  const { connectionPool, outlierDetection } = (meshConfigOf(world).defaultTrafficPolicy ?? {}) as EffectivePolicy
  if (!connectionPool && !outlierDetection) return policy
  return { ...(connectionPool && { connectionPool }), ...(outlierDetection && { outlierDetection }), ...policy }
}

function withAffinity(service: Service, policy: EffectivePolicy): EffectivePolicy {
  const consistentHash = sessionAffinity(service, policy.loadBalancer)
  return consistentHash ? { ...policy, loadBalancer: { ...policy.loadBalancer, consistentHash } } : policy
}

/** Below which share of healthy endpoints all of them get requests, as the rule says; 0 where it cannot mean that. */
export function saidPanic({ binding: { service } }: ClusterSpec, policy: EffectivePolicy): number | undefined {
  const said = policy.outlierDetection?.minHealthPercent
  // A Service that prefers near endpoints goes by their health, which ones that are left out would not show.
  return service.trafficDistribution === 'Any' ? said : said && Math.min(said, 0)
}

/** The locality setting of a cluster, whether or not it is in force. */
export function localityOf(world: World, spec: ClusterSpec, policy: EffectivePolicy): LocalitySetting | undefined {
  return effectiveLocality(meshConfigOf(world), policy.loadBalancer, spec.binding.service)
}

/** The part of the setting that gives endpoints priorities or weights; undefined if none is in force. */
export function localityInForce(world: World, spec: ClusterSpec, policy: EffectivePolicy): LocalitySetting | undefined {
  const setting = localityOf(world, spec, policy)
  return setting?.kind === 'distribute' || givesPriorities(setting, policy.outlierDetection !== undefined)
    ? setting
    : undefined
}

/** What a Failover says of a cluster's endpoints. A gateway that passes TLS on has no say in it: the caller has chosen. */
export function failoverOfSpec(world: World, { binding, mode }: ClusterSpec): FailoverPlan | undefined {
  return mode === 'outbound' ? failoverOf(world, binding.service) : undefined
}

/**
 * What of a proxy decides over the endpoints of one cluster, and no more: proxies that differ in nothing else share the
 * resource.
 */
export function endpointClient(world: World, scope: ProxyScope, spec: ClusterSpec): EndpointClient {
  const { service } = spec.binding
  const setting = localityInForce(world, spec, policyOf(world, spec))
  const compared = comparedLabels(setting)
  const gateways = world.get(networkGateways, undefined).all.length > 0
  const local = service.nodeLocal || isClusterLocal(world, service.host)
  const labels = labelsOfClient(scope)
  const plan = failoverOfSpec(world, spec)
  const compares = (...what: Parameters<typeof comparesCallers>[1][]): boolean =>
    plan !== undefined && what.some((each) => comparesCallers(plan, each))
  const names = compared.filter((name) => labels[name] !== undefined)
  return {
    cluster: local || compares('Cluster', 'Node') ? scope.cluster : '',
    network: gateways || compares('Network') || scope.networkView.length > 0 ? scope.network : '',
    networkView: scope.networkView,
    locality: setting || compares('Region', 'Zone', 'Subzone') ? scope.locality : '',
    labels: Object.fromEntries(names.map((name) => [name, labels[name] ?? ''])),
    node: service.nodeLocal || compares('Node') || compared.includes(labelNames.node) ? scope.node : '',
    ipFamilies: gateways ? scope.ipFamilies : 'both',
    machines: scope.machines,
  }
}

export function clientKey(client: EndpointClient): string {
  return JSON.stringify(client)
}
