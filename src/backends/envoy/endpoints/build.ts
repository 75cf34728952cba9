import { create, type JsonObject } from '@bufbuild/protobuf'
import type { LocalitySchema } from '#gen/envoy/config/core/v3/base_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import type { LocalityLbEndpoints } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import {
  type LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js'
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { type Health, labelNames, type Query, type World } from '../../../discovery/index.ts'
import {
  drainsInForce,
  type EndpointClient,
  type Machines,
  type ProxyScope,
  parseLocality,
  placeOf,
  ruledTlsMode,
  ruleOf,
  speaksMutualTls,
  type Target,
  type TargetGroup,
  targetGroups,
} from '../../../mesh/index.ts'
import type { ObjectRef } from '../../../report/index.ts'
import { address } from '../address.ts'
import type { Built } from '../built.ts'
import type { ClusterSpec } from '../clusters/spec.ts'
import type { Init } from '../proto.ts'
import { clientKey, endpointClient, failoverOfSpec, localityInForce, policyOf, saidPanic } from './client.ts'

type EndpointInit = Init<typeof LbEndpointSchema>

/** Names the endpoints of a cluster as some proxies get them. */
export interface EndpointsKey {
  readonly spec: ClusterSpec
  readonly client: EndpointClient
}

export function endpointsKey(world: World, scope: ProxyScope, spec: ClusterSpec): EndpointsKey {
  return { spec, client: endpointClient(world, scope, spec) }
}

/** The endpoints resource (EDS) of a cluster. */
export const clusterEndpoints: Query<EndpointsKey, Built<ClusterLoadAssignment>> = {
  name: 'envoy/endpoints',
  keyOf: ({ spec, client }) => `${spec.name}|${spec.binding.key}|${clientKey(client)}`,
  compute: (world, { spec, client }) => {
    const groups = groupsOf(world, spec, client, false)
    return {
      resource: create(ClusterLoadAssignmentSchema, {
        clusterName: spec.name,
        endpoints: groups.map((group) => localityEndpoints(group, client)),
        ...spillPolicy(world, spec),
      }),
      origin: [...drainsInForce(world, spec.binding.service), ...originOf(groups)],
    }
  },
}

/**
 * How much of a rung has to be gone before others get a part: by capacity, that is by weight, where a Failover has rungs.
 */
export function spillPolicy(world: World, spec: ClusterSpec): Pick<Init<typeof ClusterLoadAssignmentSchema>, 'policy'> {
  const plan = failoverOfSpec(world, spec)
  if (!plan || (plan.rungs.length === 0 && plan.spillBelowPercent === undefined)) return {}
  const { spillBelowPercent } = plan
  return {
    policy: {
      ...(spillBelowPercent !== undefined && { overprovisioningFactor: Math.round(10_000 / spillBelowPercent) }),
      ...(plan.rungs.length > 0 && { weightedPriorityHealth: true }),
    },
  }
}

/**
 * The endpoints of a cluster that resolves names itself, as they stand in the cluster; undefined if there are none at
 * all, not even such as a locality setting keeps from this client.
 */
export function namedEndpoints(
  world: World,
  spec: ClusterSpec,
  client: EndpointClient,
): LocalityLbEndpoints[] | undefined {
  const groups = groupsOf(world, spec, client, true)
  if (groups.length === 0) return undefined
  return groups.filter(({ targets }) => targets.length > 0).map((group) => localityEndpoints(group, client))
}

function groupsOf(world: World, spec: ClusterSpec, client: EndpointClient, names: boolean): TargetGroup[] {
  const { binding, subset, port, mode } = spec
  const policy = policyOf(world, spec)
  const rule = ruleOf(world, binding.rule)
  const tlsMode = ruledTlsMode(rule, subset, port.number)
  const subsets = new Map(rule?.subsets.map(({ name, labels }) => [name, labels ?? {}]))
  return targetGroups(world, {
    service: binding.service,
    portName: port.name,
    subset: subset === '' ? undefined : subsets.get(subset),
    client,
    locality: localityInForce(world, spec, policy),
    failover: failoverOfSpec(world, spec),
    subsets,
    // An endpoint that is not ready takes part in no balancing, but tells how much of a locality is left. Where panic is
    // asked for, it would get requests: then it is left out.
    sendUnhealthy: (saidPanic(spec, policy) ?? 0) <= 0,
    meshTls: (endpoint) => speaksMutualTls(world, tlsMode, endpoint),
    meshTlsOnly: mode === 'sni-dnat',
    names,
  })
}

const healths: Readonly<Record<Health, HealthStatus>> = {
  healthy: HealthStatus.HEALTHY,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
}

function localityEndpoints(
  { locality, priority, weight, targets, degraded }: TargetGroup,
  { machines }: EndpointClient,
): LocalityLbEndpoints {
  const place = localityInit(locality)
  return create(LocalityLbEndpointsSchema, {
    ...(place && { locality: place }),
    priority,
    ...(weight > 0 && { loadBalancingWeight: weight }),
    lbEndpoints: targets.map((target) => lbEndpoint(target, machines, healthOf(target, degraded === true))),
  })
}

export function localityInit(text: string): Init<typeof LocalitySchema> | undefined {
  if (text === '') return undefined
  const { region, zone, subzone } = parseLocality(text)
  return { region, zone, subZone: subzone }
}

function healthOf(target: Target, degraded: boolean): HealthStatus | undefined {
  const health = target.kind === 'gateway' ? target.health : target.endpoint.health
  if (health === 'healthy' && degraded) return HealthStatus.DEGRADED
  return target.kind === 'gateway' && health === 'healthy' ? undefined : healths[health]
}

function lbEndpoint(target: Target, machines: Machines, healthStatus: HealthStatus | undefined): EndpointInit {
  if (target.kind === 'gateway') {
    const { gateway, weight } = target
    return {
      hostIdentifier: { case: 'endpoint', value: { address: address(gateway.address, gateway.port) } },
      ...(healthStatus !== undefined && { healthStatus }),
      loadBalancingWeight: weight,
      metadata: { filterMetadata: metadata(true, ['', '', '', '', gateway.cluster]) },
    }
  }
  const { endpoint, weight, meshTls } = target
  const { workload, moreAddresses } = endpoint
  const canonicalName =
    workload.labels[labelNames.canonicalName] ?? workload.labels['app.kubernetes.io/name'] ?? workload.labels['app']
  const revision =
    workload.labels[labelNames.canonicalRevision] ??
    workload.labels['app.kubernetes.io/version'] ??
    workload.labels['version']
  const described = [
    workload.name,
    workload.namespace,
    canonicalName ?? workload.name,
    revision === 'latest' ? '' : (revision ?? ''),
    workload.cluster,
  ]
  const place = placeOf(machines, endpoint.address, endpoint.port)
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: {
        address: address(place.address, place.port),
        additionalAddresses: moreAddresses.map((more) => ({ address: address(more, endpoint.port) })),
      },
    },
    ...(healthStatus !== undefined && { healthStatus }),
    loadBalancingWeight: weight,
    metadata: { filterMetadata: metadata(meshTls, described) },
  }
}

/** `workload`: name;namespace;canonical name;revision;cluster, which telemetry reads where the far end does not say it. */
function metadata(meshTls: boolean, workload: readonly string[]): Record<string, JsonObject> {
  return {
    ...(meshTls && { 'envoy.transport_socket_match': { tlsMode: 'istio' } }),
    istio: { workload: workload.join(';') },
  }
}

/** The slices, entries and gateways that were read; pods are left out, since slices name them. */
function originOf(groups: readonly TargetGroup[]): ObjectRef[] {
  const found = new Map<string, ObjectRef>()
  for (const target of groups.flatMap(({ targets }) => targets)) {
    const ref = target.kind === 'gateway' ? target.gateway.origin : target.endpoint.workload.origin[0]
    if (ref) found.set(`${ref.cluster}|${ref.kind}|${ref.namespace}|${ref.name}`, ref)
  }
  return [...found.values()]
}
