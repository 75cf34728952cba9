// What a proxy is started with: ProxyConfig objects, and what the pod says itself.
import { selects } from '../discovery/index.ts'
import { checkObject, type KubeObject } from '../resources/index.ts'
import { type ProxyConfigSpec, proxyConfigKind } from '../resources/istio/index.ts'
import { compareConfigAge } from './config-order.ts'

export interface ProxySettings {
  /** Worker threads; 0 = one for each core; undefined = whoever starts it decides. */
  readonly concurrency: number | undefined
  readonly environment: Readonly<Record<string, string>>
}

interface Workload {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Puts together what holds for a workload: the ProxyConfig of the root namespace, that of its own, and the one that
 * selects it (the oldest of several each). The more special wins, and its environment replaces that of the others.
 */
export function proxySettings(objects: readonly KubeObject[], root: string, workload: Workload): ProxySettings {
  const specs = [...objects].sort(compareConfigAge).map((object) => ({
    namespace: object.metadata.namespace ?? '',
    spec: checkObject(proxyConfigKind, object).object.spec ?? {},
  }))
  const wide = (namespace: string): ProxyConfigSpec | undefined =>
    specs.find((each) => each.namespace === namespace && !hasSelector(each.spec))?.spec
  const own = specs.find(
    ({ namespace, spec }) =>
      namespace === workload.namespace &&
      hasSelector(spec) &&
      selects(spec.selector?.matchLabels ?? {}, workload.labels),
  )?.spec
  const found = [own, workload.namespace === root ? undefined : wide(workload.namespace), wide(root)]
  return {
    concurrency: found.find((spec) => spec?.concurrency !== undefined)?.concurrency,
    environment: found.find((spec) => spec?.environmentVariables)?.environmentVariables ?? {},
  }
}

function hasSelector({ selector }: ProxyConfigSpec): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length > 0
}
