import { domainSuffix, type MeshConfig } from '../../../discovery/index.ts'
import type { ClusterSpec } from './spec.ts'

/** Name of a cluster in statistics: its own, or after the mesh's pattern. */
export function statName(mesh: MeshConfig, { name, binding: { service }, port, subset }: ClusterSpec): string {
  const pattern = mesh.outboundClusterStatName
  if (!pattern) return name
  const short = service.registry === 'kubernetes' ? service.host.replace(`.svc.${domainSuffix}`, '') : service.host
  return fillPattern(pattern, {
    SERVICE: short,
    SERVICE_FQDN: service.host,
    SERVICE_NAME: service.name,
    SERVICE_PORT: String(port.number),
    SERVICE_PORT_NAME: port.name,
    SUBSET_NAME: subset,
    TARGET_PORT: String(port.targetPort ?? ''),
  })
}

/** Puts values in the place of `%NAME%`; names that are not known stay. */
export function fillPattern(pattern: string, values: Readonly<Record<string, string>>): string {
  return pattern.replace(/%([A-Z_]+)%/g, (whole, name: string) => values[name] ?? whole)
}
