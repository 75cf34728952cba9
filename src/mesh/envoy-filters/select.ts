// Which patches of EnvoyFilters a proxy's resources get, and in which order.
import { rootNamespaceOf, textQuery, type World } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import { checkObject, type KubeObject, objectKey } from '../../resources/index.ts'
import { type EnvoyFilterPatch, type EnvoyFilterSpec, envoyFilterKind } from '../../resources/istio/index.ts'
import { istioKinds } from '../kinds.ts'
import type { Proxy } from '../proxy.ts'
import { applies, policyNamespaces, type Scope } from '../security/workload.ts'

/** What patches are made to: a change of one sort leaves resources of the others as they are. */
export const patchTargets = ['listeners', 'routes', 'clusters', 'extensions'] as const
export type PatchTarget = (typeof patchTargets)[number]

/** Patches in order of application, by what they change: `namespace/name#index` each. */
export type ProxyPatches = Readonly<Record<PatchTarget, readonly string[]>>

const targets: Readonly<Record<NonNullable<EnvoyFilterPatch['applyTo']>, PatchTarget | undefined>> = {
  INVALID: undefined,
  LISTENER: 'listeners',
  LISTENER_FILTER: 'listeners',
  FILTER_CHAIN: 'listeners',
  NETWORK_FILTER: 'listeners',
  HTTP_FILTER: 'listeners',
  ROUTE_CONFIGURATION: 'routes',
  VIRTUAL_HOST: 'routes',
  HTTP_ROUTE: 'routes',
  CLUSTER: 'clusters',
  EXTENSION_CONFIG: 'extensions',
  BOOTSTRAP: undefined,
}

interface PatchShape {
  readonly id: string
  readonly target: PatchTarget
  readonly context: string
  /** RE2 for the proxy's version; '' = any. */
  readonly version: string
  readonly metadata: Readonly<Record<string, string>>
}

/** What of an EnvoyFilter says where it applies. */
interface FilterShape {
  readonly name: string
  readonly namespace: string
  readonly createdAt: string
  readonly priority: number
  readonly scope: Scope
  readonly patches: readonly PatchShape[]
}

const shapesOfNamespace = textQuery(
  'mesh/envoy-filter-shapes',
  (world, namespace): readonly FilterShape[] =>
    world
      .objects(world.primary, istioKinds.envoyFilter)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .flatMap((object) => readShape(object, world.primary) ?? []),
  { equals: sameStructure },
)

/** Undefined if it cannot be told which workloads it is for. */
function readShape(object: KubeObject, cluster: string): FilterShape | undefined {
  const { sound, broken } = readEnvoyFilter(object, cluster)
  if (broken.some((path) => /^spec($|\.(workloadSelector|targetRefs|priority))/.test(path))) return undefined
  const { metadata } = object
  const { workloadSelector, targetRefs = [], configPatches = [], priority = 0 }: EnvoyFilterSpec = sound
  const gateways = targetRefs.filter(({ group, kind }) => group === 'gateway.networking.k8s.io' && kind === 'Gateway')
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    createdAt: metadata.creationTimestamp ?? '',
    priority,
    scope: {
      namespace: metadata.namespace ?? '',
      selector: workloadSelector?.labels ?? {},
      gateways: targetRefs.length === 0 ? undefined : gateways.map(({ name }) => name),
    },
    patches: configPatches.flatMap((patch, index) => {
      const path = `spec.configPatches[${index}]`
      const target = targets[patch.applyTo ?? 'INVALID']
      if (target === undefined || broken.some((each) => each === path || each.startsWith(`${path}.`))) return []
      const { context = 'ANY', proxy } = patch.match ?? {}
      const { proxyVersion: version = '', metadata: wanted = {} } = proxy ?? {}
      return [{ id: `${objectKey(object)}#${index}`, target, context, version, metadata: wanted }]
    }),
  }
}

/** An EnvoyFilter without what has the wrong shape, and the paths of what is in error. */
export function readEnvoyFilter(object: KubeObject, cluster: string): { sound: EnvoyFilterSpec; broken: string[] } {
  const { object: sound, problems } = checkObject(envoyFilterKind, object, cluster)
  return {
    sound: sound.spec ?? {},
    broken: problems.filter(({ severity }) => severity === 'error').map(({ path }) => path),
  }
}

/** The contexts that a proxy has resources of. */
const contexts: Readonly<Record<Proxy['type'], readonly string[]>> = {
  sidecar: ['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND'],
  gateway: ['ANY', 'GATEWAY'],
}

/**
 * The patches for a proxy: those of the root namespace and of its own whose selector fits, lowest priority first; of equal
 * priority the root namespace's, then the oldest.
 */
export function patchesOf(world: World, proxy: Proxy): ProxyPatches {
  const root = rootNamespaceOf(world)
  const filters = policyNamespaces(world, proxy)
    .flatMap((namespace) => world.get(shapesOfNamespace, namespace))
    .filter(({ scope }) => applies(scope, proxy))
    .sort((a, b) => compareFilters(a, b, root))
  const patches = filters
    .flatMap((filter) => filter.patches)
    .filter((patch) => contexts[proxy.type].includes(patch.context) && isForProxy(patch, proxy))
  const of = (target: PatchTarget): string[] => patches.filter((patch) => patch.target === target).map(({ id }) => id)
  return { listeners: of('listeners'), routes: of('routes'), clusters: of('clusters'), extensions: of('extensions') }
}

function compareFilters(a: FilterShape, b: FilterShape, root: string): number {
  if (a.priority !== b.priority) return a.priority - b.priority
  if (a.namespace !== b.namespace && (a.namespace === root || b.namespace === root))
    return a.namespace === root ? -1 : 1
  return compareText(a.createdAt, b.createdAt) || compareText(`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`)
}

/** Longer expressions match nothing, as in Istio, which bounds what compiling them may cost. */
const longestVersion = 1024

function isForProxy({ version, metadata }: PatchShape, proxy: Proxy): boolean {
  if (version !== '') {
    const own = proxy.metadata['ISTIO_VERSION']
    if (typeof own !== 'string' || own === '' || version.length > longestVersion) return false
    if (!expressionOf(version)?.test(own)) return false
  }
  return Object.entries(metadata).every(([name, value]) => proxy.metadata[name] === value)
}

/** An expression that JavaScript cannot read, though RE2 might, matches nothing. */
function expressionOf(version: string): RegExp | undefined {
  const [, flags = '', text = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(version) ?? []
  try {
    return new RegExp(text.replaceAll('(?P<', '(?<'), flags)
  } catch {
    return undefined
  }
}
