// How Service Mesh Hub calls the things that it brings about.
import {
  type ClusterFacts,
  type Dialect,
  type EastWestGateway,
  entryAddress,
  type FactService,
  type GatewayChoice,
  type Mesh,
} from '../shared/index.ts'

export const managementNamespace = 'service-mesh-hub'

const gatewayLabels = { istio: 'ingressgateway' }
const gatewayPort = 'tls'

/** The dialect. Gateways are found among the Services of the clusters, not among MeshServices. */
export function smhDialect(factsOf: (cluster: string) => ClusterFacts): Dialect {
  return {
    id: 'smh',
    managementNamespace,
    tlsMode: 'ISTIO_MUTUAL',
    labels: () => ({ 'solo.io/owned-by': 'service-mesh-hub' }),
    parents: () => ({}),
    federated: () => ({}),
    hostname: (_, { ref }) => `${ref.name}.${ref.namespace}.${ref.cluster}`,
    clientRuleName: (_, hostname) => hostname,
    eastWestGateways: (_, mesh) => chooseGateway(factsOf(mesh.cluster), mesh),
    refusesClient: () => undefined,
    // `*.HOST` is the original's form, meant for the SNI name; Istio now compares the service's host name itself.
    eastWestGateway: ({ object }, _, hostnames) => ({
      name: `smh-vm-${object.name}-gateway`,
      hosts: hostnames.flatMap((hostname) => [`*.${hostname}`, hostname]),
    }),
    routeOrder: 'path-last',
    accessObjects: 'one-per-policy',
    gatewayAccessName: () => 'ingress-policy',
  }
}

/** The one ingress gateway of the mesh's namespace, through its port `tls`. */
function chooseGateway(facts: ClusterFacts, { namespace, cluster }: Mesh): GatewayChoice {
  const found = [...facts.services.values()].filter(
    (service) => service.namespace === namespace && (isGateway(service.labels) || isGateway(service.selector)),
  )
  const none = (error: string): GatewayChoice => ({ gateways: [], errors: [error] })
  const [service] = found
  const place = `namespace ${namespace} of cluster ${cluster}`
  if (service === undefined)
    return none(`no ingress gateway: no Service in ${place} has the label istio: ingressgateway`)
  if (found.length > 1)
    return none(`several ingress gateways in ${place}: ${found.map(({ name }) => name).join(', ')}; there must be one`)
  const port = service.ports.find(({ name }) => name === gatewayPort)
  const name = `Service ${service.namespace}/${service.name} of cluster ${cluster}`
  if (port === undefined) return none(`${name} has no port named ${gatewayPort}`)
  if (service.type === 'ClusterIP') return none(`${name} cannot be reached from outside: its type is ClusterIP`)
  const address = entryAddress(facts, service)
  if (address === undefined) return none(`${name} has no external address yet`)
  const externalPort = service.type === 'NodePort' ? (port.nodePort ?? port.number) : port.number
  const gateway: EastWestGateway = {
    name: service.name,
    namespace: service.namespace,
    selector: gatewayLabels,
    addresses: [address],
    portName: gatewayPort,
    port: port.number,
    externalPort,
  }
  return { gateways: [gateway], errors: [] }
}

function isGateway(labels: FactService['labels']): boolean {
  return labels['istio'] === gatewayLabels.istio
}
