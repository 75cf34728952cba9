// Which pods get an Envoy, by the rules of Istio's injector.

interface PodFacts {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>> | undefined
    readonly annotations?: Readonly<Record<string, string>> | undefined
  }
  readonly spec?: { readonly hostNetwork?: boolean | undefined } | undefined
}

const never = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'])

/**
 * Whether a pod gets a sidecar; first rule that applies: host network no; system namespaces no; the pod's label or
 * annotation `sidecar.istio.io/inject`; the namespace's label `istio-injection` or `istio.io/rev`; otherwise no.
 * Source: istio/istio pkg/kube/inject/inject.go, injectRequired.
 */
export function needsSidecar(
  pod: PodFacts,
  namespace: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (pod.spec?.hostNetwork === true || never.has(namespace.name)) return false
  const wish = pod.metadata.labels?.['sidecar.istio.io/inject'] ?? pod.metadata.annotations?.['sidecar.istio.io/inject']
  if (wish !== undefined) return /^(true|y|yes|on)$/i.test(wish)
  const injection = namespace.labels['istio-injection']
  if (injection !== undefined) return injection === 'enabled'
  return namespace.labels['istio.io/rev'] !== undefined || pod.metadata.labels?.['istio.io/rev'] !== undefined
}

/** Whether a container is a gateway: Istio's proxy image, told to be a router. */
export function isGateway(container: {
  readonly image?: string | undefined
  readonly args?: readonly string[] | undefined
}): boolean {
  const image = (container.image ?? '').split('/').at(-1) ?? ''
  return (image.startsWith('proxyv2') || image === 'auto') && (container.args ?? []).includes('router')
}

/** The environment under which a pod's programs find their Envoy (specs: every client reads another spelling). */
export function proxyEnvironment(address: string, outboundPort: number): Record<string, string> {
  const proxy = `http://${address}:${outboundPort}`
  const none = 'localhost,127.0.0.1,::1'
  return {
    http_proxy: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    grpc_proxy: proxy,
    no_proxy: none,
    NO_PROXY: none,
    NODE_USE_ENV_PROXY: '1',
    JAVA_TOOL_OPTIONS: `-Dhttp.proxyHost=${address} -Dhttp.proxyPort=${outboundPort} -Dhttp.nonProxyHosts=`,
  }
}
