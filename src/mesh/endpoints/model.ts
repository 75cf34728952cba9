import type { Endpoint, Health, NetworkGateway } from '../../discovery/index.ts'

/** Where a proxy sends to: an endpoint itself, or a gateway of the network that endpoints are in. */
export type Target =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint; readonly weight: number; readonly meshTls: boolean }
  | {
      readonly kind: 'gateway'
      readonly gateway: NetworkGateway
      /** Of what stands behind it. */
      readonly health: Extract<Health, 'healthy' | 'unhealthy'>
      /** Share of the endpoints that stand behind it. */
      readonly weight: number
      readonly meshTls: true
    }

/** Targets of one locality that are used alike. */
export interface TargetGroup {
  /** `region/zone/subzone`; '' = unknown. */
  readonly locality: string
  /** 0 is tried first. */
  readonly priority: number
  /** Share among the groups of its priority. */
  readonly weight: number
  readonly targets: readonly Target[]
  /** Gets nothing for as long as others can take everything. */
  readonly degraded?: true
}
