import type { KindDefinition } from '../kind.ts'
import { authorizationPolicyKind } from './authorization-policy.ts'
import { destinationRuleKind } from './destination-rule.ts'
import { envoyFilterKind } from './envoy-filter.ts'
import { gatewayKind } from './gateway.ts'
import { withMetadataCheck } from './metadata-check.ts'
import { peerAuthenticationKind } from './peer-authentication.ts'
import { proxyConfigKind } from './proxy-config.ts'
import { requestAuthenticationKind } from './request-authentication.ts'
import { serviceEntryKind } from './service-entry.ts'
import { sidecarKind } from './sidecar.ts'
import { telemetryKind } from './telemetry.ts'
import { virtualServiceKind } from './virtual-service.ts'
import { trafficExtensionKind, wasmPluginKind } from './wasm-plugin.ts'
import { workloadEntryKind } from './workload-entry.ts'
import { workloadGroupKind } from './workload-group.ts'

/** Istio's kinds. */
export const istioKinds: readonly KindDefinition[] = [
  authorizationPolicyKind,
  destinationRuleKind,
  envoyFilterKind,
  gatewayKind,
  peerAuthenticationKind,
  proxyConfigKind,
  requestAuthenticationKind,
  serviceEntryKind,
  sidecarKind,
  telemetryKind,
  trafficExtensionKind,
  virtualServiceKind,
  wasmPluginKind,
  workloadEntryKind,
  workloadGroupKind,
].map(withMetadataCheck)
