// Fields of the MeshConfig that nothing is made from. Each is told on the ConfigMap that holds it, and stands as `not
// supported` in docs/compatibility/istio.md (a test compares the two).
import { meshConfigOf, meshConfigRef, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { readMeshConfig } from '../../resources/istio/index.ts'
import { placesOf } from './unsupported-fields.ts'

const ambient = 'there is no ambient mode'
const certificates = 'certificates come from Fairlead'
const provider = 'a Telemetry that names the provider is told so'
const ignored = 'it is not read'

/** Paths (`[]` for items) and why. */
export const unsupportedMeshFields: Readonly<Record<string, string>> = {
  ca: certificates,
  'caCertificates[]': 'roots of several trust domains come from the VirtualMesh that joins them',
  certificates,
  configSources: 'configuration is read from the primary cluster',
  enableEnvoyAccessLogService: 'name an envoyHttpAls provider in a Telemetry',
  enablePrometheusMerge: "Envoy's statistics stand at its admin port",
  enableTracing: 'traces are what Telemetry objects and defaultProviders.tracing say',
  'extensionProviders[].lightstep': provider,
  'extensionProviders[].opencensus': provider,
  'extensionProviders[].opentelemetry.dynatraceSampler': ignored,
  'extensionProviders[].opentelemetry.grpc.initialMetadata[].envName': 'values are taken as written only',
  'extensionProviders[].opentelemetry.http.headers[].envName': 'values are taken as written only',
  'extensionProviders[].opentelemetry.resourceDetectors.dynatrace': ignored,
  'extensionProviders[].sds': 'secrets come from Fairlead',
  'extensionProviders[].skywalking.accessToken': ignored,
  'extensionProviders[].stackdriver': provider,
  'extensionProviders[].zipkin.headers[]': ignored,
  'extensionProviders[].zipkin.timeout': ignored,
  'extensionProviders[].zipkin.traceContextOption': ignored,
  hboneIdleTimeout: ambient,
  'outboundTrafficPolicy.tls': 'connections to unknown hosts go as the program made them',
  proxyInboundListenPort: 'it is always 15006',
  proxyListenPort: 'it is always 15001',
  serviceEntryVisibility: 'ServiceEntries are seen as their exportTo says',
  'serviceScopeConfigs[]': ambient,
  verifyCertificateAtClient: 'certificates of servers are always verified',
}

/** What Istio's installer writes anyway. */
const usual: Readonly<Record<string, unknown>> = {
  enablePrometheusMerge: true,
  enableTracing: true,
  proxyInboundListenPort: 15006,
  proxyListenPort: 15001,
  verifyCertificateAtClient: true,
}

/** A warning for each setting of the mesh that has no effect, and what is wrong with the others. */
export function unsupportedMeshProblems(world: World): Problem[] {
  const object = meshConfigRef(world)
  if (!object) return []
  const mesh = meshConfigOf(world) as Readonly<Record<string, unknown>>
  // Wrong settings are warnings: Istio reads what it can of them, too.
  const wrong = readMeshConfig(mesh, object).problems.map(
    (problem): Problem => ({ ...problem, severity: 'warning', path: `data.mesh.${problem.path}` }),
  )
  const without = Object.entries(unsupportedMeshFields).flatMap(([pattern, why]) => {
    if (pattern in usual && sameStructure(mesh[pattern], usual[pattern])) return []
    return placesOf(mesh, pattern).map(
      (path): Problem => ({
        code: 'not-supported',
        severity: 'warning',
        object,
        path: `data.mesh.${path}`,
        message: `has no effect: ${why}`,
      }),
    )
  })
  return [...wrong, ...without]
}
