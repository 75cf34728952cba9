// For tests: clusters as the guide has them, and what is translated for them.
import { groupKind, type KubeObject, objectKey, readObjects, type Snapshot } from '../../resources/index.ts'
import { type TranslateInput, type TranslateResult, translate } from '../index.ts'

export interface ClusterText {
  readonly name: string
  readonly region?: string
  readonly zone?: string
  readonly network?: string
  readonly more?: string
}

/** Annotations of an object at a place in the hierarchy. */
export function placed(workspace?: string, group?: string, groupType = 'trafficGroup'): string {
  const at = { organization: 'tetrate', tenant: 'tetrate', workspace, ...(group && { [groupType]: group }) }
  return JSON.stringify(
    Object.fromEntries(Object.entries(at).flatMap(([key, value]) => (value ? [[`tsb.tetrate.io/${key}`, value]] : []))),
  )
}

export const workspace = `
apiVersion: tsb.tetrate.io/v2
kind: Workspace
metadata: {name: bookinfo-ws, namespace: tsb, annotations: ${placed()}}
spec: {namespaceSelector: {names: ["*/bookinfo"]}}
`

export function setting(spec: object): string {
  return `
apiVersion: tsb.tetrate.io/v2
kind: WorkspaceSetting
metadata: {name: bookinfo-ws-setting, namespace: tsb, annotations: ${placed('bookinfo-ws')}}
spec: ${JSON.stringify(spec)}
`
}

export const eastWest = { workloadSelector: { namespace: 'eastwest', labels: { app: 'eastwest-gateway' } } }

/** A system namespace, a node, and the namespace of the services. */
export function clusterText({ name, region = '', zone = '', network = name, more = '' }: ClusterText): string {
  return `
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: "${network}", fairlead.dev/data-plane: envoy}}
---
apiVersion: v1
kind: Node
metadata: {name: node, labels: {topology.kubernetes.io/region: "${region}", topology.kubernetes.io/zone: "${zone}"}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bookinfo, labels: {istio-injection: enabled}}
${more}`
}

export function service(name: string, options: { namespace?: string; labels?: object } = {}): string {
  const { namespace = 'bookinfo', labels = { app: name } } = options
  return `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}, labels: ${JSON.stringify(labels)}}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 9080}]}
`
}

export function gatewayService(address: string, options: { port?: number; annotations?: object } = {}): string {
  const { port = 15443, annotations = {} } = options
  return `
---
apiVersion: v1
kind: Service
metadata: {name: eastwest-gateway, namespace: eastwest, annotations: ${JSON.stringify(annotations)}}
spec: {type: LoadBalancer, selector: {app: eastwest-gateway}, ports: [{name: tls, port: ${port}}]}
status: {loadBalancer: {ingress: [${JSON.stringify(/^[\d.]+$/.test(address) ? { ip: address } : { hostname: address })}]}}
`
}

/** A ready pod behind a service. */
export function pods(app: string, versions: Readonly<Record<string, number>>, namespace = 'bookinfo'): string {
  const all = Object.entries(versions).flatMap(([version, count]) =>
    Array.from({ length: count }, (_, at) => ({ name: `${app}-${version}-${at}`, version })),
  )
  const texts = all.map(
    ({ name, version }) => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${app}, version: ${version}, security.istio.io/tlsMode: istio}}
spec: {nodeName: node, serviceAccountName: ${app}}
`,
  )
  const endpoints = all.map(({ name }, at) => ({
    addresses: [`10.1.0.${at}`],
    conditions: { ready: true },
    targetRef: { kind: 'Pod', name, namespace },
  }))
  return `${texts.join('')}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${app}, namespace: ${namespace}, labels: {kubernetes.io/service-name: ${app}}}
addressType: IPv4
ports: [{name: http, port: 9080}]
endpoints: ${JSON.stringify(endpoints)}
`
}

/** The gateway of a cluster, with a ready pod. */
export function gateway(address: string, options: { port?: number; annotations?: object } = {}): string {
  return gatewayService(address, options) + pods('eastwest-gateway', { v1: 1 }, 'eastwest')
}

/** Translates; the first cluster is the management cluster too. */
export function translated(
  management: readonly string[],
  clusters: Readonly<Record<string, string>>,
  more: Pick<TranslateInput, 'resolved' | 'verifies'> = {},
): TranslateResult {
  const names = Object.keys(clusters)
  const snapshot: Snapshot = {
    clusters: new Map(
      names.map((name, at) => {
        const text = [clusters[name] ?? '', ...(at === 0 ? management : [])].join('\n---\n')
        const objects = new Map<string, Map<string, KubeObject>>()
        for (const { object } of readObjects(text, name).objects) {
          const kind = objects.get(groupKind(object)) ?? new Map<string, KubeObject>()
          objects.set(groupKind(object), kind.set(objectKey(object), object))
        }
        return [name, { name, objects }]
      }),
    ),
  }
  return translate({ snapshot, management: names[0] ?? '', ...more })
}

/** Objects of a kind on a cluster. */
export function objectsOn({ objects }: TranslateResult, cluster: string, kind: string): KubeObject[] {
  return objects.filter((each) => each.cluster === cluster && each.object.kind === kind).map(({ object }) => object)
}
