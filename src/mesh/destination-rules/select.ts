import { meshConfigOf, rootNamespaceOf, selects, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { HostIndex } from '../host-index.ts'
import { type RuleShape, ruleShapes } from './shape.ts'

/** Rules for one host that count as one: the first decides, the others add subsets. */
export interface RuleGroup {
  /** Keys of the rules, the deciding one first. */
  readonly rules: readonly string[]
  readonly namespace: string
  readonly exportTo: readonly string[]
  readonly selector: RuleShape['selector']
}

type GroupsByHost = HostIndex<RuleGroup[]>

interface RuleIndex {
  /** Rules that proxies of a namespace look at first: all of it that are for itself, too. */
  readonly local: ReadonlyMap<string, GroupsByHost>
  /** Rules that a namespace gives to others. */
  readonly exported: ReadonlyMap<string, GroupsByHost>
  /** Rules of the root namespace that are for itself alone. */
  readonly privateOfRoot: GroupsByHost
  readonly root: string
}

/** Rules by namespace and host, merged where they count as one. Changes only when a rule's shape does. */
export const ruleIndex = worldQuery('mesh/destination-rule-index', (world): RuleIndex => {
  const root = rootNamespaceOf(world)
  const defaults = meshConfigOf(world).defaultDestinationRuleExportTo ?? ['*']
  const local = new Map<string, GroupsByHost>()
  const exported = new Map<string, GroupsByHost>()
  const privateOfRoot: GroupsByHost = new HostIndex()
  for (const rule of world.get(ruleShapes, undefined)) {
    const { exportTo, namespace } = rule
    if (exportTo.length === 0 || exportTo.some((name) => name === '*' || name === '.' || name === namespace))
      addRule(ofNamespace(local, namespace), rule)
    const own = exportTo.length === 1 && (exportTo[0] === '.' || exportTo[0] === namespace)
    if (!own && !(exportTo.length === 0 && defaults.includes('.'))) addRule(ofNamespace(exported, namespace), rule)
    else if (namespace === root) addRule(privateOfRoot, rule)
  }
  return { local, exported, privateOfRoot, root }
})

function ofNamespace(map: Map<string, GroupsByHost>, namespace: string): GroupsByHost {
  const found: GroupsByHost = map.get(namespace) ?? new HostIndex()
  map.set(namespace, found)
  return found
}

/** Rules join if they are seen by the same namespaces and select the same workloads. */
function addRule(groups: GroupsByHost, rule: RuleShape): void {
  const known = groups.get(rule.host) ?? []
  const same = known.findIndex((group) => sameAudience(group, rule) && sameStructure(group.selector, rule.selector))
  const added =
    same < 0
      ? [...known, { rules: [rule.key], namespace: rule.namespace, exportTo: rule.exportTo, selector: rule.selector }]
      : known.map((group, at) => (at === same ? { ...group, rules: [...group.rules, rule.key] } : group))
  groups.set(rule.host, added)
}

function sameAudience(a: { exportTo: readonly string[] }, b: { exportTo: readonly string[] }): boolean {
  return sameStructure([...a.exportTo].sort(), [...b.exportTo].sort())
}

/** Who asks for a rule. */
export interface RuleClient {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * The rules that a client applies to a service: of its own namespace, else of the service's, else of the root
 * namespace. The first of them that has any for the host decides; nothing is inherited. Within it a rule that
 * selects the client's workload counts before one for all.
 */
export function selectRule(
  index: RuleIndex,
  client: RuleClient,
  service: { host: string; namespace: string },
): RuleGroup | undefined {
  const groups = candidates(index, client.namespace, service)
  const selected = groups.find(
    ({ selector, namespace }) =>
      selector !== undefined && namespace === client.namespace && selects(selector, client.labels),
  )
  return selected ?? groups.findLast(({ selector }) => selector === undefined)
}

function candidates(
  index: RuleIndex,
  namespace: string,
  service: { host: string; namespace: string },
): readonly RuleGroup[] {
  // The root namespace holds rules for the whole mesh, which are not meant before those of the service itself.
  const first = namespace === index.root ? index.privateOfRoot : index.local.get(namespace)
  const local = first?.mostSpecific(service.host)
  if (local) return local
  for (const owner of [service.namespace, index.root]) {
    const given = index.exported.get(owner)?.mostSpecific(service.host)
    const seen = given?.filter(
      ({ exportTo }) => exportTo.length === 0 || exportTo.includes('*') || exportTo.includes(namespace),
    )
    if (seen && seen.length > 0) return seen
  }
  return []
}

/** Labels of workloads that any rule selects by: proxies that differ in no other label share their resources. */
export const ruleSelectorLabels = worldQuery(
  'mesh/destination-rule-selector-labels',
  (world): ReadonlySet<string> =>
    new Set(world.get(ruleShapes, undefined).flatMap(({ selector }) => Object.keys(selector ?? {}))),
  { equals: sameStructure },
)

/** Labels of clients that locality settings of any rule compare. */
export const ruleComparedLabels = worldQuery(
  'mesh/destination-rule-compared-labels',
  (world): ReadonlySet<string> =>
    new Set(world.get(ruleShapes, undefined).flatMap(({ comparedLabels }) => comparedLabels)),
  { equals: sameStructure },
)
