// Random rules for the edge: Gateways with servers of all protocols, and Ingresses.
import { compact, type Dice } from './dice.ts'
import { httpRules, type Targets, virtualService } from './route-policies.ts'
import { gatewayHosts, gatewayPorts, ingressHosts, namespace, paths, ports, secureHost } from './vocabulary.ts'

type Fields = Record<string, unknown>

export function gatewayService(clusterIP: string): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'gateway', namespace },
    spec: {
      clusterIP,
      selector: { istio: 'gateway' },
      ports: [
        { name: 'http2', port: gatewayPorts.http, targetPort: gatewayPorts.http },
        { name: 'https', port: gatewayPorts.https, targetPort: gatewayPorts.https },
        { name: 'tls', port: gatewayPorts.passed, targetPort: gatewayPorts.passed },
        { name: 'tcp', port: gatewayPorts.tcp, targetPort: gatewayPorts.tcp },
        { name: 'plain', port: 80, targetPort: gatewayPorts.ingress },
      ],
    },
  }
}

function httpServers(dice: Dice, hosts: readonly string[]): Fields[] {
  const plain = compact({
    port: { number: gatewayPorts.http, name: 'http', protocol: 'HTTP' },
    hosts,
    tls: dice.maybe(0.15, () => ({ httpsRedirect: true })),
  })
  const secure = (): Fields => ({
    port: { number: gatewayPorts.https, name: 'https', protocol: 'HTTPS' },
    hosts,
    tls: dice.pick([
      { mode: 'SIMPLE', credentialName: 'edge' },
      { mode: 'MUTUAL', credentialName: 'edge' },
      { mode: 'ISTIO_MUTUAL' },
      { mode: 'OPTIONAL_MUTUAL', credentialName: 'edge' },
    ]),
  })
  return [plain, ...(dice.maybe(0.7, () => [secure()]) ?? [])]
}

/** Servers that do not look into requests, with their rules. */
function opaqueServers(dice: Dice): { servers: Fields[]; rules: Fields[] } {
  const servers: Fields[] = []
  const rules: Fields[] = []
  if (dice.chance(0.4)) {
    servers.push({
      port: { number: gatewayPorts.passed, name: 'tls', protocol: 'TLS' },
      hosts: [dice.pick([secureHost, '*.example.com'])],
      tls: { mode: 'PASSTHROUGH' },
    })
    const match = [compact({ port: dice.maybe(0.5, () => gatewayPorts.passed), sniHosts: [secureHost] })]
    const route = [{ destination: { host: secureHost, port: { number: ports.tls } } }]
    rules.push(virtualService('edge-tls', { hosts: [secureHost], gateways: ['edge'], tls: [{ match, route }] }))
  }
  if (dice.chance(0.4)) {
    servers.push({ port: { number: gatewayPorts.tcp, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] })
    const destinations = dice.some(['db', 'cart', 'nobody'], 1, 2)
    const route = destinations.map((host, at) =>
      compact({
        destination: { host, port: { number: ports.tcp } },
        weight: destinations.length === 1 ? undefined : at === 0 ? 25 : 75,
      }),
    )
    const match = [{ port: gatewayPorts.tcp }]
    rules.push(virtualService('edge-tcp', { hosts: ['*'], gateways: ['edge'], tcp: [{ match, route }] }))
  }
  return { servers, rules }
}

export function gatewayPolicies(dice: Dice, targets: Targets): Fields[] {
  const hosts = dice.some(gatewayHosts, 2, 3)
  const opaque = opaqueServers(dice)
  const gateway = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge', namespace },
    spec: { selector: { istio: 'gateway' }, servers: [...httpServers(dice, hosts), ...opaque.servers] },
  }
  const claiming = { ...targets, claims: dice.chance(0.4) }
  const rules = dice.list(1, 2, (at) => {
    const inMesh = dice.chance(0.2)
    const spec = { hosts: dice.some(hosts, 1, 3), gateways: ['edge', ...(inMesh ? ['mesh'] : [])] }
    return httpRules(dice, `edge-${at}`, spec, inMesh ? targets : claiming)
  })
  return [gateway, ...opaque.rules, ...rules.flat()]
}

/** An Ingress, by the old annotation. */
export function ingress(dice: Dice): Fields {
  const backend = (): Fields => {
    const name = dice.pick(['reviews', 'cart', 'legacy', 'nobody'])
    return { service: { name, port: dice.chance(0.7) ? { number: ports.http } : { name: 'http' } } }
  }
  const http = (): Fields => ({
    paths: dice.list(1, 3, () => ({
      path: dice.pick([...paths, '/a/', '/api/']),
      pathType: dice.pick(['Exact', 'Prefix', 'ImplementationSpecific']),
      backend: backend(),
    })),
  })
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'plain', namespace, annotations: { 'kubernetes.io/ingress.class': 'istio' } },
    spec: compact({
      defaultBackend: dice.maybe(0.3, backend),
      rules: dice.list(1, 2, (at) => compact({ host: dice.maybe(0.8, () => ingressHosts[at]), http: http() })),
    }),
  }
}
