import type { World } from '../../discovery/index.ts'
import type { Proxy } from '../proxy.ts'
import { tracingOf } from './merge.ts'
import { telemetriesOf } from './select.ts'

/** What of a proxy its logs and traces depend on. */
export interface TelemetryScope {
  /** Keys of the Telemetry objects that hold for it, the most general first. */
  readonly objects: readonly string[]
  /** Name of the service in traces, and what each span says of the proxy; only where it traces. */
  readonly identity: { readonly service: string; readonly tags: Readonly<Record<string, string>> } | undefined
}

export function telemetryScope(world: World, proxy: Proxy): TelemetryScope {
  const objects = telemetriesOf(world, proxy)
  const traces = (['CLIENT', 'SERVER'] as const).some((mode) => tracingOf(world, objects, mode)?.disabled === false)
  return { objects, identity: traces ? identityOf(proxy) : undefined }
}

function identityOf({ labels, namespace, cluster, name, metadata }: Proxy): TelemetryScope['identity'] {
  const service = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app']
  const revision =
    labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version']
  const mesh = metadata['MESH_ID']
  return {
    service: `${service ?? name}.${namespace}`,
    tags: {
      'istio.canonical_revision': revision ?? 'latest',
      'istio.canonical_service': service ?? 'unknown',
      'istio.cluster_id': cluster === '' ? 'unknown' : cluster,
      'istio.mesh_id': typeof mesh === 'string' && mesh !== '' ? mesh : 'unknown',
      'istio.namespace': namespace,
    },
  }
}
