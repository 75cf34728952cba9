// The small mesh in which every field of Istio's kinds has to show an effect.
import { type Mesh, objectsOf } from './effects.ts'

const objects = objectsOf(`
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.1.0.1, selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 443}, {name: grpc, port: 77}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.1.0.2, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: cart, version: v1, security.istio.io/tlsMode: istio}}
spec: {nodeName: n1, serviceAccountName: cart, containers: [{name: a, image: a}]}
status: {phase: Running, podIP: 10.2.0.1, podIPs: [{ip: 10.2.0.1}], conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: vm-1, namespace: shop, labels: {app: vm, x-one: v1}}
spec: {nodeName: n1, serviceAccountName: cart, containers: [{name: a, image: a}]}
status: {phase: Running, podIP: 10.2.0.9, podIPs: [{ip: 10.2.0.9}], conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-x, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: tcp, port: 443}, {name: grpc, port: 77}]
endpoints: [{addresses: [10.2.0.1], nodeName: n1, conditions: {ready: true}, targetRef: {kind: Pod, name: cart-1, namespace: shop}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, servers: [{hosts: ['*.example'], port: {number: 80, name: http, protocol: HTTP}}, {hosts: ['*.example'], port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm, namespace: shop}
spec: {hosts: [vm.example], addresses: [240.1.1.1], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {labels: {app: vm}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: parts, namespace: shop}
spec: {hosts: [parts.example], gateways: [mesh, shop/edge], http: [{route: [{destination: {host: cart.shop.svc.cluster.local, subset: v1, port: {number: 80}}}]}], tcp: [{match: [{port: 443}], route: [{destination: {host: cart.shop.svc.cluster.local, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: parts, namespace: shop}
spec: {hosts: [parts.example], addresses: [240.1.1.2], ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tcp, protocol: TCP}, {number: 8443, name: tls, protocol: TLS}], resolution: STATIC, endpoints: [{address: 10.3.0.1, labels: {version: v1}}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: plain, namespace: shop}
spec: {selector: {matchLabels: {app: cart}}, portLevelMtls: {7000: {mode: DISABLE}}}
---
apiVersion: v1
kind: Service
metadata: {name: istio-eastwestgateway, namespace: istio-system, labels: {topology.istio.io/network: x-one}}
spec: {type: LoadBalancer, clusterIP: 10.1.0.9, selector: {app: ew}, ports: [{name: tls, port: 15443}]}
status: {loadBalancer: {ingress: [{ip: 10.9.9.9}]}}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: other, namespace: shop}
spec: {configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_FIRST, value: {name: other, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 7}}}}]}
---
apiVersion: v1
kind: Secret
metadata: {name: c, namespace: shop}
type: kubernetes.io/tls
data: {tls.crt: YQ==, tls.key: YQ==, ca.crt: YQ==}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
    - {name: x-one, zipkin: {service: web.shop.svc.cluster.local, port: 80}}
    - {name: v1, envoyFileAccessLog: {path: /dev/stdout}}
    - {name: authz, envoyExtAuthzGrpc: {service: web.shop.svc.cluster.local, port: 80}}
`)

const sidecar = (app: string, ip: string, more: object = {}): Record<string, unknown> => ({
  type: 'sidecar',
  namespace: 'shop',
  name: `${app}-1`,
  serviceAccount: app,
  labels: { app, version: 'v1' },
  ips: [ip],
  locality: 'r1/z1',
  network: 'home',
  ...more,
})

export const mesh: Mesh = {
  objects,
  proxies: [
    sidecar('web', '10.2.0.2'),
    sidecar('cart', '10.2.0.1'),
    { ...sidecar('edge', '10.2.0.3'), type: 'gateway' },
  ],
}
