import type { CsrfPolicy, Service } from '../../model.ts'
import { type ClusterObject, istioObject } from '../../objects.ts'
import { compact } from '../../plain.ts'
import type { RuleFeature } from './feature.ts'

/** Requests that pages of other sites make in a user's name are refused: by the service's own proxies, not by its callers'. */
export const csrf: RuleFeature<'csrf'> = { field: 'csrf', emit: () => ({}) }

const typeUrl = 'type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy'

/** The EnvoyFilter of a service whose proxies check origins; Istio has no other word for it. */
export function csrfFilter(service: Service, policy: CsrfPolicy): ClusterObject {
  const { cluster, namespace, name } = service.ref
  const share = (isOn: boolean): object => ({
    default_value: { numerator: isOn ? Math.round(policy.percentage * 10_000) : 0, denominator: 'MILLION' },
  })
  const filter = compact({
    '@type': typeUrl,
    filter_enabled: share(policy.isEnforced),
    ...(policy.isShadow && { shadow_enabled: share(true) }),
    additional_origins: policy.additionalOrigins.map((origin) =>
      'regex' in origin ? { safe_regex: { regex: origin.regex } } : origin,
    ),
  })
  const router = {
    name: 'envoy.filters.network.http_connection_manager',
    subFilter: { name: 'envoy.filters.http.router' },
  }
  const spec = {
    workloadSelector: { labels: service.selector },
    configPatches: [
      {
        applyTo: 'HTTP_FILTER',
        match: { context: 'SIDECAR_INBOUND', listener: { filterChain: { filter: router } } },
        patch: { operation: 'INSERT_BEFORE', value: { name: 'envoy.filters.http.csrf', typed_config: filter } },
      },
    ],
  }
  const origin = { dialect: service.mesh.dialect, parents: [service.object] }
  return istioObject('EnvoyFilter', { cluster, namespace, name: `${name}-csrf` }, origin, spec)
}
