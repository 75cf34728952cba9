/** Name of the proxy's container, where it is shown as one. */
export const proxyContainer = 'istio-proxy'
/** Its image; tools know proxies by `istio` and `proxy` in that. */
export const proxyImage = 'fairlead/istio/proxyv2'

/** What Istio's injector writes on a pod that it has given a proxy; control planes and tools read it. */
export function injectionMarks(
  labels: Readonly<Record<string, string>>,
  workloadName: string,
): { labels: Record<string, string>; annotations: Record<string, string> } {
  const wanted = {
    'security.istio.io/tlsMode': 'istio',
    'service.istio.io/canonical-name': labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName,
    'service.istio.io/canonical-revision': labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest',
  }
  return {
    // What the user has written stays.
    labels: Object.fromEntries(Object.entries(wanted).filter(([key]) => labels[key] === undefined)),
    annotations: {
      'sidecar.istio.io/status': JSON.stringify({
        initContainers: null,
        containers: [proxyContainer],
        revision: 'default',
      }),
    },
  }
}
