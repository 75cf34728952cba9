// Fields that mean a server of Gloo Mesh Enterprise, which is not part of Fairlead: what a user can do instead.
import type { Place } from '../dsl.ts'

interface External {
  readonly rateLimit?: object
  readonly extauth?: { readonly disable?: boolean }
}

const rateLimit =
  'not supported: it needs the rate limit server of Gloo Mesh Enterprise; a server of your own works with an Istio EnvoyFilter'
const extauth =
  'not supported: it needs the authorization server of Gloo Mesh Enterprise; a server of your own works with an extensionProvider of MeshConfig and an Istio AuthorizationPolicy with action CUSTOM'

/** Says what of a policy (or of a gateway's options) only works with a server that is not there. */
export function checkExternalServers(place: Place, { rateLimit: limit, extauth: auth }: External): void {
  if (limit !== undefined) place.field('rateLimit').error(rateLimit, 'not-supported')
  if (auth === undefined) return
  // To switch off what nobody switched on is no mistake.
  if (auth.disable !== true) place.field('extauth').error(extauth, 'not-supported')
}

/** Why a kind of Gloo Mesh has no effect, and what to use instead. */
export const unsupportedKinds = {
  WasmDeployment:
    'not supported: Wasm filters are not loaded into proxies by Fairlead; an Istio EnvoyFilter can name a filter of your own',
  AccessLogRecord:
    'not supported: it needs the access log server of Gloo Mesh Enterprise; use an Istio Telemetry with accessLogging for the same workloads',
  CertificateVerification:
    'not supported: a change of root goes on by itself, each step once every proxy has acknowledged the one before',
  RateLimitServerConfig: rateLimit,
  RateLimitClientConfig: rateLimit,
  Role: 'not enforced: Fairlead has no webhook for roles of Gloo Mesh; use RBAC of Kubernetes on the kinds of policies',
  RoleBinding:
    'not enforced: Fairlead has no webhook for roles of Gloo Mesh; use RBAC of Kubernetes on the kinds of policies',
  IstioInstallation: 'not supported: Fairlead installs no Istio',
  XdsConfig: 'has no effect: proxies get their configuration from Fairlead’s own xDS server',
} as const satisfies Readonly<Record<string, string>>
