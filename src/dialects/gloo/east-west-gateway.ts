// Which services are the gateways by which other meshes reach a mesh. The first rule that applies decides:
// the selectors of the VirtualMesh; the gateways that the Mesh object names; the first ingress gateway.
import {
  type EastWestGateway,
  type GatewayChoice,
  hasLabels,
  type Mesh,
  type NamedGateway,
  type Service,
  type ServiceSelector,
  selectsService,
  serviceKey,
} from '../shared/index.ts'

/** A selector of gateway services, and the name of the port that takes calls from other meshes. */
export interface GatewaySelector {
  readonly services: readonly ServiceSelector[]
  readonly portName: string
}

const gatewayLabels = { istio: 'ingressgateway' }
export const gatewayPort = 'tls'

export function chooseGateways(
  mesh: Mesh,
  services: readonly Service[],
  selectors: readonly GatewaySelector[],
): GatewayChoice {
  const own = services
    .filter((service) => service.mesh.key === mesh.key)
    .sort((a, b) => (a.object.name < b.object.name ? -1 : 1))
  if (selectors.length > 0) return selected(mesh, own, services, selectors)
  if (mesh.namedGateways.length > 0)
    return named(
      services.filter(({ ref }) => ref.cluster === mesh.cluster),
      mesh.namedGateways,
    )
  const first = own.find(
    ({ selector, ports }) => hasLabels(selector, gatewayLabels) && ports.some(({ name }) => name === gatewayPort),
  )
  return first === undefined ? { gateways: [], errors: [] } : fromServices([{ service: first, portName: gatewayPort }])
}

function selected(
  mesh: Mesh,
  own: readonly Service[],
  all: readonly Service[],
  selectors: readonly GatewaySelector[],
): GatewayChoice {
  const missing = selectors.flatMap(({ services }) =>
    services.flatMap(({ refs = [] }) => refs.filter((ref) => !all.some(({ key }) => key === serviceKey(ref)))),
  )
  if (missing.length > 0)
    return {
      gateways: [],
      errors: missing.map(({ name, namespace, cluster }) => `Destination ${name}.${namespace}.${cluster} not found`),
    }
  const chosen = own.flatMap((service) => {
    const selector = selectors.find(({ services }) => selectsService(services, service))
    return selector === undefined ? [] : [{ service, portName: selector.portName }]
  })
  if (chosen.length > 0) return fromServices(chosen)
  return {
    gateways: [],
    errors: [`no Destinations selected as ingress gateway for mesh ${mesh.object.name}.${mesh.object.namespace}`],
  }
}

function fromServices(chosen: readonly { readonly service: Service; readonly portName: string }[]): GatewayChoice {
  const gateways: EastWestGateway[] = []
  const errors: string[] = []
  for (const { service, portName } of chosen) {
    const gateway = gatewayOf(service, portName)
    if (typeof gateway === 'string') errors.push(gateway)
    else gateways.push(gateway)
  }
  return { gateways, errors }
}

/** The gateway, or why the service cannot be one. */
function gatewayOf(service: Service, portName: string): EastWestGateway | string {
  const { object, selector, type, externalAddresses } = service
  const name = `Destination ${object.name}.${object.namespace}`
  if (Object.keys(selector).length === 0)
    return `${name} has no workload selector labels, so it cannot be an ingress gateway`
  const port = service.ports.find((each) => each.name === portName)
  if (port === undefined) return `${name} has no port named ${portName}`
  if (type === 'CLUSTER_IP' && externalAddresses.length === 0)
    return `${name} cannot be reached from outside: its service type is CLUSTER_IP`
  return {
    name: object.name,
    namespace: object.namespace,
    selector,
    addresses: externalAddresses,
    portName,
    port: port.number,
    externalPort: type === 'NODE_PORT' ? (port.nodePort ?? port.number) : port.number,
  }
}

/** The deprecated way. What it does not say is taken from the Destination of the gateway's service. */
function named(onCluster: readonly Service[], gateways: readonly NamedGateway[]): GatewayChoice {
  return {
    errors: [],
    gateways: gateways.map(({ name, namespace, workloadLabels, addresses, externalPort, targetPort }) => {
      const service = onCluster.find(({ ref }) => ref.name === name && ref.namespace === namespace)
      const port = service?.ports.find((each) => each.number === externalPort || each.nodePort === externalPort)
      return {
        name: service?.object.name ?? name,
        namespace: service?.object.namespace ?? namespace,
        selector: Object.keys(workloadLabels).length > 0 ? workloadLabels : (service?.selector ?? {}),
        addresses:
          service !== undefined && service.externalAddresses.length > 0 ? service.externalAddresses : addresses,
        portName: port?.name ?? gatewayPort,
        port: port?.number ?? targetPort,
        externalPort,
      }
    }),
  }
}
