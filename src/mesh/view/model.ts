import type { Service } from '../../discovery/index.ts'
import type { EgressListener } from '../istio.ts'
import type { RouteShape } from '../virtual-services/index.ts'

/** What a host means to a client: the service, the DestinationRule that holds, and which of its ports are seen. */
export interface Binding {
  /** Equal text = equal binding, service included: what is made of a binding is shared by all clients that have it. */
  readonly key: string
  readonly service: Service
  /** Key of the merged DestinationRule (`ruleOf`); '' = none. */
  readonly rule: string
  /** Undefined = all. */
  readonly ports: readonly number[] | undefined
  /** Hosts of ExternalName Services that stand for this one. */
  readonly aliases: readonly string[]
}

/** What sidecars reach through one egress listener: the whole mesh, if no Sidecar says otherwise. */
export interface EgressView {
  /** Undefined for the listener that is there without a Sidecar. */
  readonly listener: EgressListener | undefined
  /** Oldest first. */
  readonly services: readonly Binding[]
  /** Those that count first in front. */
  readonly rules: readonly RouteShape[]
  /** Host of a service → key of the rule whose host fits it most specifically. */
  readonly ruleOfService: ReadonlyMap<string, string>
}

/** Which proxies see the same: everything that a view depends on. */
export interface ViewKey {
  readonly type: 'sidecar' | 'gateway'
  readonly namespace: string
  /** `namespace/name` of the Sidecar; '' = none. */
  readonly sidecar: string
  /** Those labels of the workload that DestinationRules select by. */
  readonly ruleLabels: Readonly<Record<string, string>>
  /** A gateway that passes the mesh's own TLS through: it has clusters for that, too. */
  readonly eastWest: boolean
}

export interface View {
  /** All services that a proxy can reach, in the order in which they are sent. */
  readonly services: readonly Binding[]
  readonly byHost: ReadonlyMap<string, Binding>
  readonly egress: readonly EgressView[]
}
