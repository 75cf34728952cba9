import type { KindVersion } from '../kind.ts'

/** Versions of the kinds of networking.istio.io; all have one schema. */
export const istioVersions: readonly KindVersion[] = [
  { name: 'v1', storage: true },
  { name: 'v1beta1' },
  { name: 'v1alpha3' },
]

/** Versions of the kinds of security.istio.io. */
export const securityVersions: readonly KindVersion[] = [{ name: 'v1', storage: true }, { name: 'v1beta1' }]

const group = (prefix: string): { group: string; categories: readonly string[] } => ({
  group: `${prefix}.istio.io`,
  categories: ['istio-io', `${prefix}-istio-io`],
})

export const networking = group('networking')
export const security = group('security')
export const telemetryGroup = group('telemetry')
export const extensions = group('extensions')
