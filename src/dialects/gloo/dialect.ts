// How Gloo Mesh calls the things that it brings about.
import type { ObjectRef } from '../../report/index.ts'
import { type Dialect, hashName, type Service, type VirtualMesh } from '../shared/index.ts'
import { chooseGateways, type GatewaySelector } from './east-west-gateway.ts'

/** What a VirtualMesh says of federation, beside what all generations say. */
export interface FederationSettings {
  readonly hostnameSuffix: string
  readonly gatewaySelectors: readonly GatewaySelector[]
}

export const defaultSuffix = 'global'
export const managementNamespace = 'gloo-mesh'
const longestName = 63

export interface DialectInput {
  readonly tlsMode: string
  /** By `namespace/name` of the VirtualMesh. */
  readonly federation: (virtualMesh: VirtualMesh) => FederationSettings
  /** Services of all registered clusters. */
  readonly services: () => readonly Service[]
}

const networkingGroup = 'networking.mesh.gloo.solo.io'

export function glooDialect({ tlsMode, federation, services }: DialectInput): Dialect {
  return {
    id: 'gloo',
    managementNamespace,
    tlsMode,
    labels: (cluster) => ({
      [`owner.${networkingGroup}`]: managementNamespace,
      'cluster.multicluster.solo.io': cluster,
    }),
    parents: (parents) => ({ [`parents.${networkingGroup}`]: parentsText(parents) }),
    federated: ({ ref }) => ({ [`federation.${networkingGroup}`]: `${ref.name}.${ref.namespace}.${ref.cluster}` }),
    hostname: (virtualMesh, { ref }) =>
      `${ref.name}.${ref.namespace}.svc.${ref.cluster}.${federation(virtualMesh).hostnameSuffix}`,
    clientRuleName: ({ ref }) => `${ref.name}-${ref.namespace}-${ref.cluster}`,
    refusesClient: (virtualMesh, { object, smartDns }) => {
      const { hostnameSuffix } = federation(virtualMesh)
      if (hostnameSuffix === defaultSuffix || smartDns) return undefined
      return `mesh ${object.name}.${object.namespace} does not have smart DNS proxying enabled (hostname suffix can only be specified for federated Destination if Istio's smart DNS proxying is enabled)`
    },
    eastWestGateways: (virtualMesh, mesh) => chooseGateways(mesh, services(), federation(virtualMesh).gatewaySelectors),
    eastWestGateway: (virtualMesh, gateway, hostnames) => {
      const { hostnameSuffix } = federation(virtualMesh)
      // Hosts of virtual destinations may have any suffix.
      const others = hostnames.filter((hostname) => !hostname.endsWith(`.${hostnameSuffix}`))
      return { name: `${gateway.name}-${gateway.namespace}`, hosts: [`*.${hostnameSuffix}`, ...others] }
    },
    routeOrder: 'path-first',
    accessObjects: 'one-per-service',
    gatewayAccessName: ({ name, namespace }) => {
      const prefix = 'allow-ingress-gateway-'
      const whole = `${prefix}${name}-${namespace}`
      return whole.length < longestName ? whole : `${prefix}${hashName(whole)}`
    },
  }
}

/** JSON of the parents by kind, as the original writes it. */
function parentsText(parents: readonly ObjectRef[]): string {
  const byKind = Map.groupBy(parents, ({ apiVersion, kind }) => `${apiVersion}, Kind=${kind}`)
  const entries = [...byKind].map(([kind, refs]) => [kind, refs.map(({ name, namespace }) => ({ name, namespace }))])
  return JSON.stringify(Object.fromEntries(entries))
}

/** Gateways as discovery finds them: see `Settings`. */
export interface GatewayDetector {
  readonly labels: Readonly<Record<string, string>>
  readonly portName: string
}
