// What operators see of proxies: who is connected and in sync, and what each was given.
import { type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { type Secret, SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { type EncodedResource, type ProxyNode, type StreamStatus, typeUrls } from '../../ads/index.ts'
import { extensionTypes } from '../../backends/envoy/index.ts'
import { splitPem } from '../../identity/index.ts'
import { formatRef } from '../../report/index.ts'
import type { XdsPlane } from './plane.ts'
import { XdsResource } from './xds-resource.ts'

/** One connected proxy, as `fairlead proxies` lists it. */
export interface ProxyRow {
  /** `pod.namespace` */
  readonly proxy: string
  readonly cluster: string
  readonly type: string
  /** Name of the Deployment or the like that its pod is of; '' if unknown. */
  readonly workload: string
  readonly identity: string
  /** When the certificate that it shows others expires: RFC 3339; "" if it has proved no identity. */
  readonly certificateExpires: string
  readonly nodeId: string
  readonly peer: string
  /** RFC 3339. */
  readonly connectedAt: string
  readonly protocol: 'sotw' | 'delta'
  readonly bytesSent: number
  /** By short name of the type: CDS, LDS, … */
  readonly sync: Readonly<Record<string, SyncRow>>
}

export interface SyncRow {
  readonly state: 'SYNCED' | 'STALE' | 'NACK'
  readonly resources: number
  readonly sentAt: string
  readonly ackedAt: string
  readonly refused: readonly { readonly name: string; readonly detail: string }[]
}

/** One resource that a proxy was given. */
export interface GivenResource {
  readonly name: string
  readonly version: string
  /** The objects that it comes from, as messages name them. */
  readonly origin: readonly string[]
  /** Canonical proto3 JSON; private keys read `[redacted]`. */
  readonly resource: JsonValue
}

/** What a proxy was given. */
export interface ProxyConfiguration {
  readonly proxy: string
  readonly cluster: string
  readonly nodeId: string
  readonly listeners: readonly GivenResource[]
  readonly routes: readonly GivenResource[]
  readonly clusters: readonly GivenResource[]
  readonly endpoints: readonly GivenResource[]
  readonly secrets: readonly GivenResource[]
}

const kinds = {
  listeners: { typeUrl: typeUrls.listener, schema: ListenerSchema },
  routes: { typeUrl: typeUrls.route, schema: RouteConfigurationSchema },
  clusters: { typeUrl: typeUrls.cluster, schema: ClusterSchema },
  endpoints: { typeUrl: typeUrls.endpoint, schema: ClusterLoadAssignmentSchema },
  secrets: { typeUrl: typeUrls.secret, schema: SecretSchema },
} as const

export type ConfigurationKind = keyof typeof kinds

export const configurationKinds = Object.keys(kinds) as readonly ConfigurationKind[]

export function describeProxies(plane: XdsPlane): ProxyRow[] {
  return plane
    .streams()
    .map((stream) => row(stream, plane.clusterOf(stream.node), plane.certificateExpires(stream.node)))
    .sort((a, b) => (`${a.cluster} ${a.proxy}` < `${b.cluster} ${b.proxy}` ? -1 : 1))
}

function row(stream: StreamStatus, cluster: string, expires: Date | undefined): ProxyRow {
  const { node, peer, connectedAt, protocol, bytesSent, types } = stream
  const sync = types.map(({ type, state, resources, sentAt, ackedAt, refused }): [string, SyncRow] => [
    type,
    { state, resources, sentAt: time(sentAt), ackedAt: time(ackedAt), refused },
  ])
  return {
    proxy: nameOf(node),
    cluster,
    type: node.id.split('~')[0] ?? '',
    workload: workloadOf(node),
    identity: node.identity ?? '',
    certificateExpires: expires?.toISOString() ?? '',
    nodeId: node.id,
    peer,
    connectedAt: time(connectedAt),
    protocol,
    bytesSent,
    sync: Object.fromEntries(sync),
  }
}

const time = (ms: number): string => (ms === 0 ? '' : new Date(ms).toISOString())

/** `pod.namespace`, from the node id. */
const nameOf = (node: ProxyNode): string => node.id.split('~')[2] ?? node.id

function workloadOf({ metadata }: ProxyNode): string {
  const { WORKLOAD_NAME: workload } = metadata
  return typeof workload === 'string' ? workload : ''
}

/** All names by which users may call a proxy. */
function namesOf(node: ProxyNode): string[] {
  const name = nameOf(node)
  const at = name.lastIndexOf('.')
  const workload = workloadOf(node)
  const ofWorkload =
    workload === '' ? [] : [workload, `deployment/${workload}`].flatMap((each) => [each, `${each}${name.slice(at)}`])
  return [name, name.slice(0, at), node.id, ...ofWorkload]
}

/**
 * What a proxy was given. `wanted` is `pod.namespace`, `pod`, `deployment.namespace`, `deployment` (one of its pods), a
 * node id, or any of these behind `cluster/`; `only` leaves out the other kinds of resources. Undefined if no such proxy is connected.
 */
export function describeProxy(
  plane: XdsPlane,
  wanted: string,
  only: readonly ConfigurationKind[] = configurationKinds,
): ProxyConfiguration | undefined {
  const stream = plane.streams().findLast(({ node }) => {
    const names = namesOf(node)
    return [...names, ...names.map((each) => `${plane.clusterOf(node)}/${each}`)].includes(wanted)
  })
  if (!stream) return undefined
  const given = plane.given(stream.node.id)
  const list = (kind: ConfigurationKind): GivenResource[] => {
    if (!only.includes(kind)) return []
    const { typeUrl, schema } = kinds[kind]
    return (given?.get(typeUrl) ?? []).map((resource) => describe(resource, schema)).sort(byName)
  }
  return {
    proxy: nameOf(stream.node),
    cluster: plane.clusterOf(stream.node),
    nodeId: stream.node.id,
    listeners: list('listeners'),
    routes: withHosts(
      list('routes'),
      (given?.get(typeUrls.virtualHost) ?? []).map((host) => describe(host, VirtualHostSchema)),
    ),
    clusters: list('clusters'),
    endpoints: list('endpoints'),
    secrets: list('secrets'),
  }
}

/** Route configurations with the hosts that the proxy has asked for: Envoy puts them together by name. */
function withHosts(routes: readonly GivenResource[], hosts: readonly GivenResource[]): GivenResource[] {
  return routes.map((each) => {
    const own = hosts.filter(({ name }) => name.startsWith(`${each.name}/`))
    const resource = each.resource
    if (own.length === 0 || resource === null || typeof resource !== 'object' || Array.isArray(resource)) return each
    const origin = [...each.origin, ...own.flatMap((host) => host.origin)]
    return { ...each, origin, resource: { ...resource, virtualHosts: own.map((host) => host.resource) } }
  })
}

const byName = (a: GivenResource, b: GivenResource): number => (a.name < b.name ? -1 : 1)

function describe(resource: EncodedResource, schema: DescMessage): GivenResource {
  const { name, version } = resource
  if (!(resource instanceof XdsResource)) return { name, version, origin: [], resource: null }
  const message = fromBinary(schema, resource.message())
  const shown =
    message.$typeName === SecretSchema.typeName
      ? describeSecret(message as Secret)
      : toJson(schema, message, { registry: extensionTypes })
  return { name, version, origin: resource.origin.map(formatRef), resource: shown }
}

/** Certificates as PEM, since bytes in base64 of base64 help nobody; never the key. */
function describeSecret(secret: Secret): JsonValue {
  const pem = (source: { specifier: { case: string | undefined; value?: unknown } } | undefined): string[] => {
    const value = source?.specifier.value
    return splitPem(
      value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'string' ? value : '',
    )
  }
  switch (secret.type.case) {
    case 'tlsCertificate':
      return {
        name: secret.name,
        tlsCertificate: { certificateChain: pem(secret.type.value.certificateChain), privateKey: '[redacted]' },
      }
    case 'validationContext':
      return { name: secret.name, validationContext: { trustedCa: pem(secret.type.value.trustedCa) } }
    default:
      return { name: secret.name }
  }
}
