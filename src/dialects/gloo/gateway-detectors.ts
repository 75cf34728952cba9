// How discovery finds the gateways that a Mesh object names: `Settings.discovery.istio.ingressGatewayDetectors`.
import type { SettingsSpec } from '../../resources/gloo/index.ts'
import { asInteger, type ClusterFacts, compact, entryAddress, hasLabels } from '../shared/index.ts'

/** A gateway as a Mesh object names it. */
export interface FoundGateway {
  readonly name: string
  readonly namespace: string
  readonly workloadLabels: Readonly<Record<string, string>>
  readonly externalAddress: string
  readonly dnsName?: string
  readonly ip?: string
  readonly externalTlsPort: number
  readonly tlsContainerPort: number
}

export interface GatewayDetectors {
  /** True if the settings say anything for the cluster. */
  isSet(cluster: string): boolean
  /** The gateways in the namespace of the control plane. */
  find(facts: ClusterFacts, namespace: string): FoundGateway[]
}

const defaults = { gatewayWorkloadLabels: { istio: 'ingressgateway' }, gatewayTlsPortName: 'tls' }

export function gatewayDetectors(settings: SettingsSpec): GatewayDetectors {
  const entries = settings.discovery?.istio?.ingressGatewayDetectors ?? {}
  // The cluster's entry is merged over the wildcard's, field by field.
  const detectorOf = (cluster: string) => ({
    ...defaults,
    ...compact({ ...entries['*'] }),
    ...compact({ ...entries[cluster] }),
  })
  return {
    isSet: (cluster) => entries['*'] !== undefined || entries[cluster] !== undefined,
    find: (facts, namespace) => {
      const { gatewayWorkloadLabels: labels, gatewayTlsPortName: portName } = detectorOf(facts.name)
      return [...facts.services.values()].flatMap((service) => {
        if (service.namespace !== namespace || !hasLabels(service.selector, labels)) return []
        const port = service.ports.find(({ name }) => name === portName)
        const address = entryAddress(facts, service)
        if (port === undefined || address === undefined) return []
        const isIp = /^[\d.]+$|:/.test(address)
        return [
          {
            name: service.name,
            namespace,
            workloadLabels: labels,
            externalAddress: address,
            ...(isIp ? { ip: address } : { dnsName: address }),
            externalTlsPort: service.type === 'NodePort' ? (port.nodePort ?? port.number) : port.number,
            tlsContainerPort: asInteger(port.targetPort) ?? port.number,
          },
        ]
      })
    },
  }
}
