// Ways into networks that Gateways of the Gateway API tell of.
import { type KubeObject, refOf } from '../resources/index.ts'
import { kinds } from './kube-types.ts'
import { labelNames } from './labels.ts'
import type { NetworkGateway } from './model.ts'
import type { World } from './world.ts'

interface Listener {
  port?: number
  tls?: { options?: Record<string, string> }
}

interface GatewaySpec {
  gatewayClassName?: string
  addresses?: { type?: string; value?: string }[]
  listeners?: Listener[]
}

/** Stands for a gateway that runs where nobody here can look: nothing is deployed for it. */
const remoteClass = 'istio-remote'
const modeOption = 'gateway.istio.io/listener-protocol'
const defaultPort = '15443'

/**
 * Gateways with the label `topology.istio.io/network`, at the addresses of their spec, on each listener that passes mutual TLS on:
 * by its option, or by its port (15443, or what the label `networking.istio.io/gatewayPort` says). Those of class `istio-remote` count
 * on the primary cluster only, as in Istio. Double tunnels (HBONE) are for ambient meshes and not read.
 */
export function objectGateways(world: World, cluster: string): NetworkGateway[] {
  return (world.objects(cluster, kinds.gateway) as readonly KubeObject<GatewaySpec>[]).flatMap((object) => {
    const { labels = {} } = object.metadata
    const network = labels[labelNames.network] ?? ''
    const { gatewayClassName, addresses = [], listeners = [] } = object.spec ?? {}
    if (network === '' || (gatewayClassName === remoteClass && cluster !== world.primary)) return []
    const expected = labels[labelNames.gatewayPort] ?? defaultPort
    const ports = listeners.filter((each) => passesTlsOn(each, expected)).flatMap(({ port }) => port ?? [])
    const values = addresses.filter(isAddress).flatMap(({ value }) => value || [])
    const origin = refOf(cluster, object)
    return values.flatMap((address) => ports.map((port) => ({ network, cluster, address, port, origin })))
  })
}

function passesTlsOn({ port, tls }: Listener, expected: string): boolean {
  if (tls === undefined) return false
  return tls.options?.[modeOption] === 'auto-passthrough' || String(port) === expected
}

/** An IP address, if nothing is said. */
function isAddress({ type = 'IPAddress' }: { type?: string }): boolean {
  return type === 'IPAddress' || type === 'Hostname'
}
