// Switches of a cluster's control plane, as its ControlPlane object says.
import { asList, asText, at, type ClusterFacts } from '../shared/index.ts'
import { type OverlayPatch, overlaysOf } from './overlays.ts'

/** Whether DNS names of gateways are resolved for a cluster; on unless it is switched off. */
export function resolvesAtEdge(facts: ClusterFacts): boolean {
  return switchOf(facts, 'ENABLE_DNS_RESOLUTION_AT_EDGE') !== 'false'
}

/** A variable of the edge's environment: set directly, or by a patch. The last one counts. */
function switchOf(facts: ClusterFacts, name: string): string | undefined {
  const values = facts.objects('install.tetrate.io/ControlPlane').flatMap(({ spec }) => {
    const kubeSpec = at(spec, 'components', 'xcp', 'kubeSpec')
    const direct = asList(at(kubeSpec, 'deployment', 'env'))
    const patches = overlaysOf(kubeSpec).flatMap((overlay) => overlay.patches)
    return [...direct, ...patches.flatMap(variablesOf)].filter((variable) => at(variable, 'name') === name)
  })
  const last = values.at(-1)
  return last === undefined ? undefined : asText(at(last, 'value')).toLowerCase()
}

/** A patch sets one variable, or the list of them. */
function variablesOf({ path, value }: OverlayPatch): readonly unknown[] {
  if (!/\.env(\[[^\]]*\])?$/.test(path)) return []
  return Array.isArray(value) ? value : [value]
}
