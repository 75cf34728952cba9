// What the management APIs mean, whatever their generation: the one model that every generation is read into and that
// Istio objects are made from. A generation appears here only as a `Dialect`, which answers for its own names.
import type { ObjectRef, Problem } from '../../report/index.ts'

/** Names an object of the management cluster. */
export interface Ref {
  readonly name: string
  readonly namespace: string
}

/** Names an object of a workload cluster. */
export interface ClusterRef extends Ref {
  readonly cluster: string
}

/** What a generation decides by itself: how the things that it brings about are called, and its defaults. */
export interface Dialect {
  /** Short name, used in messages and as value of the owner label. */
  readonly id: string
  /** Namespace in which the control plane of this generation lives. */
  readonly managementNamespace: string
  /** TLS mode of a DestinationRule, where no policy says another. */
  readonly tlsMode: string
  /** Labels of every object that is made for this generation on a cluster. */
  labels(cluster: string): Readonly<Record<string, string>>
  /** Annotations of an Istio object that these objects brought about. */
  parents(parents: readonly ObjectRef[]): Readonly<Record<string, string>>
  /** Annotations of the copies that a federated service has on client clusters. */
  federated(service: Service): Readonly<Record<string, string>>
  /** Host name by which other meshes call a service. */
  hostname(virtualMesh: VirtualMesh, service: Service): string
  /** Name of a client's DestinationRule for a federated service. */
  clientRuleName(service: Service, hostname: string): string
  /** The gateways by which other meshes reach a mesh, or why there are none. */
  eastWestGateways(virtualMesh: VirtualMesh, mesh: Mesh): GatewayChoice
  /** Why a member cannot be told of another's services; undefined if it can. */
  refusesClient(virtualMesh: VirtualMesh, client: Mesh): string | undefined
  /** Name and hosts of the Istio Gateway that lets the members in. */
  eastWestGateway(
    virtualMesh: VirtualMesh,
    gateway: EastWestGateway,
    hostnames: readonly string[],
  ): { readonly name: string; readonly hosts: readonly string[] }
  /** What counts first in the precedence of routes. */
  readonly routeOrder: 'path-first' | 'path-last'
  /** How the AuthorizationPolicies of a service are divided among objects. */
  readonly accessObjects: 'one-per-policy' | 'one-per-service'
  /** Name of the AuthorizationPolicy that lets anybody reach an east-west gateway. */
  gatewayAccessName(gateway: EastWestGateway): string
}

export interface GatewayChoice {
  readonly gateways: readonly EastWestGateway[]
  readonly errors: readonly string[]
}

/** A service mesh's control plane in one cluster. */
export interface Mesh {
  /** `cluster/namespace` of the control plane. */
  readonly key: string
  readonly object: ObjectRef
  readonly dialect: Dialect
  readonly cluster: string
  readonly isIstio: boolean
  /** Namespace of the control plane. */
  readonly namespace: string
  /** "" if unknown. */
  readonly trustDomain: string
  readonly serviceAccount: string
  readonly podLabels: Readonly<Record<string, string>>
  readonly smartDns: boolean
  /** Namespace of the certificate agent; undefined if there is none. */
  readonly agentNamespace?: string | undefined
  /** East-west gateways that the Mesh object itself names (deprecated way). */
  readonly namedGateways: readonly NamedGateway[]
}

export interface NamedGateway {
  readonly name: string
  readonly namespace: string
  readonly workloadLabels: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  readonly externalPort: number
  readonly targetPort: number
}

export interface ServicePort {
  readonly number: number
  /** "" if the port has no name. */
  readonly name: string
  readonly protocol: string
  readonly appProtocol?: string | undefined
  readonly targetPort?: number | string | undefined
  readonly nodePort?: number | undefined
}

export interface Endpoint {
  readonly address: string
  readonly labels: Readonly<Record<string, string>>
  /** `region/zone/subzone`, as far as known; "" if unknown. */
  readonly locality: string
  /** Number of the port that serves a service port, by the service port's name. */
  readonly ports: ReadonlyMap<string, number>
}

export type ServiceType = 'CLUSTER_IP' | 'NODE_PORT' | 'LOAD_BALANCER' | 'EXTERNAL_NAME'

/** A Kubernetes service that is part of a mesh. */
export interface Service {
  readonly key: string
  readonly ref: ClusterRef
  readonly object: ObjectRef
  readonly mesh: Mesh
  readonly localHost: string
  readonly labels: Readonly<Record<string, string>>
  readonly selector: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  /** Pod labels in which the backing workloads differ; undefined if not known. */
  readonly subsets?: Readonly<Record<string, readonly string[]>> | undefined
  readonly endpoints: readonly Endpoint[]
  readonly externalAddresses: readonly string[]
  readonly type: ServiceType
  /** `region` of the cluster; "" if unknown. */
  readonly region: string
  /** Host name under which other meshes know it, if its object says so. */
  readonly givenHostname?: string | undefined
}

/** A service outside of Kubernetes that a mesh knows by a hand-written object. */
export interface ExternalService {
  readonly object: ObjectRef
  readonly name: string
  readonly mesh: Mesh
  readonly hosts: readonly string[]
  readonly addresses: readonly string[]
  readonly ports: readonly { readonly number: number; readonly name: string; readonly protocol: string }[]
  readonly endpoints: readonly { readonly address: string; readonly ports: Readonly<Record<string, number>> }[]
}

/** A controller (or VM) whose pods are part of a mesh. */
export interface Workload {
  readonly object: ObjectRef
  readonly ref: ClusterRef
  readonly labels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly mesh: Mesh
}

/** Callers. Empty lists and maps mean any. */
export interface WorkloadSelector {
  readonly labels: Readonly<Record<string, string>>
  readonly namespaces: readonly string[]
  readonly clusters: readonly string[]
}

/** Services, by labels or by name. */
export interface ServiceSelector {
  readonly matcher?: WorkloadSelector | undefined
  readonly refs?: readonly ClusterRef[] | undefined
}

/** Callers by identity. */
export interface IdentitySelector {
  readonly namespaces: readonly string[]
  readonly clusters: readonly string[]
  /** Service accounts; an empty field means any. Undefined: by namespaces and clusters. */
  readonly accounts?: readonly ClusterRef[] | undefined
  /** Anybody who has an identity at all; the other fields then say nothing. */
  readonly authenticated?: boolean | undefined
  readonly requestPrincipals: readonly string[]
  readonly notRequestPrincipals: readonly string[]
}

export type StringMatch = { readonly exact: string } | { readonly prefix: string } | { readonly regex: string }

export interface HttpMatcher {
  readonly uri?: StringMatch | undefined
  readonly headers: readonly {
    readonly name: string
    /** undefined: the header must be there. */
    readonly match?: StringMatch | undefined
    readonly invert: boolean
  }[]
  readonly query: readonly { readonly name: string; readonly match?: StringMatch | undefined }[]
  readonly method?: string | undefined
}

export interface HeaderOperations {
  readonly add?: Readonly<Record<string, string>>
  readonly remove?: readonly string[]
}

export interface HeaderManipulation {
  readonly request: HeaderOperations
  readonly response: HeaderOperations
}

/** Where a share of the requests goes. */
export type ShiftTarget =
  | {
      readonly kind: 'service'
      readonly ref: ClusterRef
      readonly subset: Readonly<Record<string, string>>
      readonly port?: number | undefined
    }
  | { readonly kind: 'virtual'; readonly ref: Ref; readonly subset: Readonly<Record<string, string>> }
  | { readonly kind: 'static'; readonly ref: Ref }
  | { readonly kind: 'cluster-header'; readonly header: string }

export interface WeightedTarget {
  readonly target: ShiftTarget
  readonly weight?: number | undefined
  readonly headers?: HeaderManipulation | undefined
}

export interface OutlierDetection {
  readonly consecutiveErrors: number
  readonly interval: string
  readonly baseEjectionTime: string
  readonly maxEjectionPercent: number
}

export interface Fault {
  readonly abort?: { readonly httpStatus: number } | undefined
  readonly delay?: { readonly fixedDelay: string } | { readonly exponentialDelay: string } | undefined
  readonly percentage: number
}

/** What is to happen to requests. Each key is a field that one policy owns. */
export interface RequestPolicy {
  readonly trafficShift?: readonly WeightedTarget[] | undefined
  readonly faultInjection?: Fault | undefined
  readonly requestTimeout?: string | undefined
  readonly retries?: { readonly attempts: number; readonly perTryTimeout?: string | undefined } | undefined
  readonly corsPolicy?: CorsPolicy | undefined
  readonly mirror?:
    | { readonly ref: ClusterRef; readonly percentage: number; readonly port?: number | undefined }
    | undefined
  readonly headerManipulation?: HeaderManipulation | undefined
  readonly outlierDetection?: OutlierDetection | undefined
  readonly tlsMode?: string | undefined
  readonly csrf?: CsrfPolicy | undefined
}

/** Requests that change something must come from a page of the same origin, or of one of these. */
export interface CsrfPolicy {
  readonly isEnforced: boolean
  /** Requests are counted, and not refused. */
  readonly isShadow: boolean
  /** Of the requests, 0 to 100. */
  readonly percentage: number
  readonly additionalOrigins: readonly StringMatch[]
}

export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[]
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAge?: string | undefined
  readonly allowCredentials?: boolean | undefined
}

/** What decides which of two policies comes first. */
export interface Seniority {
  /**
   * Order in which the policy was accepted for a service before, by the service object's `name.namespace.`;
   * undefined if it was not, or was changed since.
   */
  readonly acceptanceOrder: (service: string) => number | undefined
  /** RFC 3339; "" if unknown, which counts as oldest. */
  readonly created: string
}

/** What all user objects have in common. */
export interface UserObject {
  readonly object: ObjectRef
  /** The object as it was read: the very same one as long as it did not change. */
  readonly version: object
  readonly dialect: Dialect
  readonly generation: number
  readonly seniority: Seniority
  /** What is wrong with the object by itself. An error keeps the object from having any effect. */
  readonly problems: readonly Problem[]
}

export interface TrafficPolicy extends UserObject {
  /** Callers, any of; empty: all. */
  readonly sources: readonly WorkloadSelector[]
  /** Services, any of; empty: all. */
  readonly destinations: readonly ServiceSelector[]
  /** Any of; empty: every request. */
  readonly matchers: readonly HttpMatcher[]
  readonly policy: RequestPolicy
}

export interface AccessPolicy extends UserObject {
  /** Any of; empty: any caller. */
  readonly sources: readonly IdentitySelector[]
  readonly destinations: readonly ServiceSelector[]
  readonly paths: readonly string[]
  readonly methods: readonly string[]
  readonly ports: readonly number[]
}

/** A gateway by which other meshes reach the services of a mesh. */
export interface EastWestGateway {
  /** Name of the object that stands for the gateway's service on the management cluster, or of the service itself. */
  readonly name: string
  readonly namespace: string
  readonly selector: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  readonly portName: string
  /** Port of the gateway's Service. */
  readonly port: number
  /** Port at which the addresses are reached from outside. */
  readonly externalPort: number
}

export interface FederationRule {
  /** Which services go to which members; an empty list of meshes means all members. */
  readonly selectors: readonly { readonly services: readonly ServiceSelector[]; readonly meshes: readonly Ref[] }[]
  readonly flatNetwork: boolean
  readonly keepalive?: Readonly<Record<string, unknown>> | undefined
}

export type AccessDefault = 'mesh-default' | 'deny' | 'allow'

/** Where the root certificate of a VirtualMesh comes from. */
export type RootAuthority =
  | {
      readonly kind: 'generated'
      /** Secret on the management cluster in which it is kept. */
      readonly secret: Ref
      readonly secretType: string
      readonly secretKeys: readonly string[]
      readonly ttlDays: number
      readonly keyBits: number
      readonly organization: string
    }
  | { readonly kind: 'provided'; readonly secret: Ref }
  | { readonly kind: 'vault'; readonly vault: Readonly<Record<string, unknown>> }

export interface Trust {
  readonly root: RootAuthority
  /** Of the intermediate certificates of the members. */
  readonly intermediate: {
    readonly ttlDays: number
    /** Of an RSA key; undefined if nobody said. */
    readonly keyBits: number | undefined
    readonly organization: string
    readonly renewRatio: number
  }
  readonly autoRestartPods: boolean
}

export interface VirtualMesh extends UserObject {
  readonly members: readonly Ref[]
  /** Undefined: identities stay as they are. */
  readonly trust?: Trust | undefined
  readonly federation?: FederationRule | undefined
  readonly access: AccessDefault
}

/** A place, as far as it is named. */
export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** A host name that several services answer, one instead of the other. */
export interface VirtualDestination extends UserObject {
  readonly hostname: string
  readonly port: { readonly number: number; readonly protocol: string; readonly target: number | string }
  /** Meshes that may call it. */
  readonly members: { readonly virtualMesh: Ref } | { readonly meshes: readonly Ref[] }
  readonly backing:
    | { readonly kind: 'ordered'; readonly services: readonly ClusterRef[] }
    | {
        readonly kind: 'localized'
        readonly services: readonly ServiceSelector[]
        readonly failover: readonly { readonly from: Locality; readonly to: readonly Locality[] }[]
      }
  /** Undefined: that of the backing services, which must then have one. */
  readonly outlierDetection?: OutlierDetection | undefined
  readonly addressScope: 'local-resource' | 'failover-service'
  /** Name and namespace of the Istio objects on each mesh. */
  readonly place: Ref
}

/** Everything that one generation's objects say. */
export interface Intent {
  readonly dialect: Dialect
  readonly meshes: readonly Mesh[]
  readonly services: readonly Service[]
  readonly externalServices: readonly ExternalService[]
  readonly virtualDestinations: readonly VirtualDestination[]
  /** Targets outside of policies (of gateway routes, say), whose subsets must be there too. */
  readonly otherTargets: readonly WeightedTarget[]
  readonly workloads: readonly Workload[]
  readonly virtualMeshes: readonly VirtualMesh[]
  readonly trafficPolicies: readonly TrafficPolicy[]
  readonly accessPolicies: readonly AccessPolicy[]
}
