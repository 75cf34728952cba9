// Clusters as the guide of east-west failover has them, for calls whose outcome the evaluator tells.
import { type Dialects, type TestCluster, TestMesh, type TestService } from './mesh.ts'

export interface EastWestCluster {
  readonly region?: string
  readonly zone?: string
  readonly network?: string
  /** Of namespace `bookinfo` unless they say another; Services with pods, by version. */
  readonly services: Readonly<Record<string, TestService>>
  /** Address of its gateway; absent: it has none. */
  readonly gateway?: string
  /** Addresses that its annotation gives to others instead. */
  readonly shownAs?: string
  readonly yaml?: string
}

export const details: TestService = { versions: { v1: 1 } }
export const reviews = (versions: Readonly<Record<string, number>>): TestService => ({ versions })

/** Annotations of an object at a place in the hierarchy. */
function place(more: Readonly<Record<string, string>>): string {
  const all = { organization: 'tetrate', tenant: 'tetrate', ...more }
  return JSON.stringify(Object.fromEntries(Object.entries(all).map(([key, value]) => [`tsb.tetrate.io/${key}`, value])))
}

/** An object as GitOps has it. */
export function tsb(kind: string, name: string, where: Readonly<Record<string, string>>, spec: object): string {
  const [group = '', plain = ''] = kind.split('/')
  return `
---
apiVersion: ${group}tsb.tetrate.io/v2
kind: ${plain}
metadata: {name: ${name}, namespace: tsb, annotations: ${place(where)}}
spec: ${JSON.stringify(spec)}
`
}

export const workspace = tsb('/Workspace', 'bookinfo-ws', {}, { namespaceSelector: { names: ['*/bookinfo'] } })

export const eastWest = { workloadSelector: { namespace: 'eastwest', labels: { app: 'eastwest-gateway' } } }

export function setting(spec: object = { defaultEastWestGatewaySettings: [eastWest] }): string {
  return tsb('/WorkspaceSetting', 'bookinfo-ws-setting', { workspace: 'bookinfo-ws' }, spec)
}

/** A ServiceRoute of `reviews`, with its group. */
export function route(spec: object): string {
  const group = { namespaceSelector: { names: ['*/bookinfo'] } }
  return (
    tsb('traffic./Group', 'tg', { workspace: 'bookinfo-ws' }, group) +
    tsb('traffic./ServiceRoute', 'reviews', { workspace: 'bookinfo-ws', trafficGroup: 'tg' }, spec)
  )
}

export const onlyV2 = route({
  service: 'bookinfo/reviews.bookinfo.svc.cluster.local',
  subsets: [{ name: 'v2', labels: { version: 'v2' }, weight: 100 }],
})

const caller: TestService = { namespace: 'bookinfo', ports: { http: 9080 } }
const sleep: TestService = { namespace: 'sleep' }

/** The first cluster is the management cluster too; callers are in all of them. */
export function eastWestMesh(
  clusters: Readonly<Record<string, EastWestCluster>>,
  objects: readonly string[] = [workspace, setting()],
  more: Omit<Dialects, 'management'> = {},
): TestMesh {
  const [management = ''] = Object.keys(clusters)
  const made = Object.entries(clusters).map(([name, cluster]): [string, TestCluster] => {
    const { region = name, zone = `${name}-a`, network = name, services, gateway, shownAs, yaml = '' } = cluster
    const door: TestService = {
      namespace: 'eastwest',
      ports: { tls: 15443 },
      gateway: true,
      podLabels: { 'topology.istio.io/network': network },
      ...(gateway !== undefined && { externalAddress: gateway }),
      ...(shownAs !== undefined && { annotations: { 'xcp.tetrate.io/cluster-external-addresses': shownAs } }),
    }
    const own = Object.entries(services).map(([service, each]) => [
      service,
      { namespace: 'bookinfo', ports: { http: 9080 }, ...each },
    ])
    const all = { productpage: caller, sleep, ...Object.fromEntries(own), ...(gateway && { 'eastwest-gateway': door }) }
    const text = [yaml, ...(name === management ? objects : [])].join('\n---\n')
    return [name, { region, zone, network, services: all, yaml: text }]
  })
  return new TestMesh(Object.fromEntries(made), '', { management, ...more })
}

export const page = (cluster: string): string => `${cluster}/productpage-v1-0.bookinfo`
export const sleeper = (cluster: string): string => `${cluster}/sleep-v1-0.sleep`
