import { domainSuffix, hostCovers, isWildcard, meshConfigOf, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { HostIndex } from '../host-index.ts'

/** Services that are each cluster's own affair unless `serviceSettings` say otherwise. */
const defaults = [
  `*.kube-system.svc.${domainSuffix}`,
  `kubernetes.default.svc.${domainSuffix}`,
  `istiod.istio-system.svc.${domainSuffix}`,
]

interface Setting {
  readonly host: string
  readonly clusterLocal: boolean
}

const settings = worldQuery(
  'mesh/cluster-local-settings',
  (world): readonly Setting[] => {
    const said = (meshConfigOf(world).serviceSettings ?? []).flatMap(({ hosts, settings: own }) =>
      (hosts ?? []).map((host) => ({ host, clusterLocal: own?.clusterLocal ?? false })),
    )
    const open = said.filter(({ clusterLocal }) => !clusterLocal)
    const kept = defaults.filter(
      (host) => !open.some((each) => each.host === host || (isWildcard(host) && hostCovers(host, each.host))),
    )
    return [...said, ...kept.map((host) => ({ host, clusterLocal: true }))]
  },
  { equals: sameStructure },
)

/** Whether a service's endpoints serve their own cluster only. The most specific host decides. */
export function isClusterLocal(world: World, host: string): boolean {
  const index = new HostIndex<boolean>()
  for (const setting of world.get(settings, undefined)) index.set(setting.host, setting.clusterLocal)
  return index.mostSpecific(host) ?? false
}
