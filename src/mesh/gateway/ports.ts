import type { World } from '../../discovery/index.ts'
import { serviceTargets } from '../inbound.ts'
import type { Proxy } from '../proxy.ts'

/** Services with this label keep out: Gateways then name the ports of the workload. */
const keepOutLabel = 'experimental.istio.io/disable-gateway-port-translation'

/**
 * Ports of a gateway's Services → those of its workload, ascending. A Gateway names the port that clients see, 80 say,
 * and the proxy listens on what the Service leads that to, 8080.
 */
export function gatewayPortsOf(world: World, proxy: Proxy): (readonly [number, number])[] {
  const found = new Map<number, number>()
  for (const { service, servicePort, port } of serviceTargets(world, proxy))
    if (service.labels[keepOutLabel] === undefined && !found.has(servicePort.number))
      found.set(servicePort.number, port)
  return [...found].sort(([a], [b]) => a - b)
}
