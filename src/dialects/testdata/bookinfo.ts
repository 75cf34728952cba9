// Kubernetes facts of two clusters with bookinfo, as a cluster's API lists them, for tests.

/** A Deployment with a Service's labels, its pod and an endpoint of it. */
function app(name: string, version: string, port: number, address: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}, namespace: default}
spec:
  selector: {matchLabels: {app: ${name}, version: ${version}}}
  template:
    metadata: {labels: {app: ${name}, version: ${version}}}
    spec: {serviceAccountName: bookinfo-${name}, containers: [{name: ${name}, image: istio/examples-bookinfo-${name}-${version}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}-${version}-abc, namespace: default, labels: {app: ${name}, version: ${version}, pod-template-hash: abc}}
spec: {nodeName: node, containers: [{name: ${name}, image: x}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-${version}, namespace: default, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: ${port}, protocol: TCP}]
endpoints:
- {addresses: [${address}], nodeName: node, conditions: {ready: true}, targetRef: {kind: Pod, name: ${name}-${version}-abc, namespace: default}}
---`
}

function service(name: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default, labels: {app: ${name}}}
spec: {selector: {app: ${name}}, ports: [{name: http, port: ${port}, targetPort: ${port}}]}
---`
}

/** Namespaces, node and gateway of a cluster whose Envoys Fairlead drives. */
function platform(region: string, gateway: string): string {
  return `
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {fairlead.dev/data-plane: envoy}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "trustDomain: cluster.local"}
---
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Node
metadata: {name: node, labels: {topology.kubernetes.io/region: ${region}, topology.kubernetes.io/zone: ${region}-a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  template:
    metadata: {labels: {istio: ingressgateway}}
    spec: {serviceAccountName: gateway, containers: [{name: istio-proxy, image: docker.io/istio/proxyv2:1.20.0}]}
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system, labels: {istio: ingressgateway}}
spec:
  type: LoadBalancer
  selector: {istio: ingressgateway}
  ports:
  - {name: http2, port: 80, targetPort: 8080}
  - {name: tls, port: 15443, targetPort: 15443}
status: {loadBalancer: {ingress: [{ip: ${gateway}}]}}
---`
}

/** reviews v1 and v2, ratings and productpage. */
export const managementCluster = [
  platform('eu', '192.0.2.10'),
  service('reviews', 9080),
  app('reviews', 'v1', 9080, '10.1.0.1'),
  app('reviews', 'v2', 9080, '10.1.0.2'),
  service('productpage', 9080),
  app('productpage', 'v1', 9080, '10.1.0.3'),
].join('')

/** reviews v3 and ratings. */
export const remoteCluster = [
  platform('us', '192.0.2.20'),
  service('reviews', 9080),
  app('reviews', 'v3', 9080, '10.2.0.1'),
  service('ratings', 9080),
  app('ratings', 'v1', 9080, '10.2.0.2'),
].join('')
