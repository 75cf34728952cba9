// The door of all dialects: what users and clusters say → what is written, and what users are told.
import { compareProblems, type ObjectRef, type Problem } from '../report/index.ts'
import { objectsOf, type Snapshot } from '../resources/index.ts'
import { glooMesh } from './gloo/index.ts'
import {
  asMap,
  asText,
  asTexts,
  at,
  type ClusterObject,
  compareObjects,
  FactsMemory,
  type Generation,
  type Intent,
  Memory,
  OccupiedPlaces,
  type Outcome,
  ownerLabel,
  type Refusal,
  type StatusObject,
  translateIntents,
  type Verifies,
  withoutClashes,
} from './shared/index.ts'
import { serviceMeshHub } from './smh/index.ts'
import { withoutTenants } from './tenants.ts'
import { type SharedRoot, Tenancy, tetrateServiceBridge } from './tsb/index.ts'

export { type ClusterObject, ownerLabel, type StatusObject } from './shared/index.ts'

/** The generations of the management API. Where two know the same service, the first one's view of it is taken. */
const generations: readonly Generation[] = [glooMesh, serviceMeshHub]

export interface TranslateOptions {
  /**
   * A VirtualService or DestinationRule of the user's own for the same host keeps Fairlead from writing one, and is
   * named. On by default. (One of the very same name is never overwritten.)
   */
  readonly disallowIntersectingConfig?: boolean
}

export interface TranslateInput {
  /** All clusters, with what Fairlead wrote to them before. */
  readonly snapshot: Snapshot
  /** Cluster that holds the dialects' objects. */
  readonly management: string
  readonly options?: TranslateOptions
  /** Whether the proxies of two clusters can verify each other now; absent: all can. */
  readonly verifies?: Verifies
  /** What proxies refuse of what was written before. */
  readonly refusals?: readonly Refusal[]
  /** Why a cluster has not the trust that its VirtualMesh wants, by cluster. */
  readonly trustFailures?: ReadonlyMap<string, string>
  /** Addresses of DNS names that stand for gateways; undefined for names that nobody has resolved (yet). */
  readonly resolved?: (name: string) => readonly string[] | undefined
}

/** A member of a VirtualMesh that is to have certificates of its root. */
export interface TrustMember {
  readonly cluster: string
  /** Namespace of the control plane; Secret `cacerts` goes there. */
  readonly namespace: string
  readonly trustDomain: string
}

/** A VirtualMesh in force that shares a root certificate. */
export interface TrustGroup {
  readonly virtualMesh: ObjectRef
  readonly trust: NonNullable<Intent['virtualMeshes'][number]['trust']>
  readonly members: readonly TrustMember[]
}

export interface TranslateResult {
  /** Everything that is to be in the clusters, complete; what carries `ownerLabel` and is not here is to be deleted. */
  readonly objects: readonly ClusterObject[]
  /** Secrets whose values are made once and then kept (by the identity side); here with their keys only. */
  readonly secrets: readonly ClusterObject[]
  readonly statuses: readonly StatusObject[]
  readonly problems: readonly Problem[]
  readonly trust: readonly TrustGroup[]
  /** A VirtualMesh that shares a root is not in force, or not for all of its members: who leaves for that reason keeps what it has. */
  readonly isTrustUnsettled: boolean
  /** DNS names that stand for gateways, to be given to `resolved`. */
  readonly names: readonly string[]
}

/** Name of the ConfigMap, in the management namespace, that records virtual addresses. */
export const addressRecord = 'fairlead-virtual-addresses'

/**
 * A translator remembers what it made, so that after a change it makes only what the change touches. What it returns
 * does not depend on what it remembers.
 */
export interface Translator {
  translate(input: TranslateInput): TranslateResult
  /** How many parts of the last result had to be made, not remembered. */
  readonly recomputed: number
}

export function createTranslator(): Translator {
  const parts = newParts()
  let recomputed = 0
  return {
    translate: (input) => {
      const result = translateWith(parts, input)
      recomputed = parts.memory.settle()
      return result
    },
    get recomputed() {
      return recomputed
    },
  }
}

/** Translates everything that users wrote in any dialect. Pure: no IO, no clock, no randomness; output is sorted. */
export function translate(input: TranslateInput): TranslateResult {
  return translateWith(newParts(), input)
}

/** What a translator remembers. */
interface Parts {
  readonly memory: Memory
  readonly facts: FactsMemory
  readonly occupied: OccupiedPlaces
}

const newParts = (): Parts => ({ memory: new Memory(), facts: new FactsMemory(), occupied: new OccupiedPlaces() })

function translateWith({ memory, facts, occupied }: Parts, input: TranslateInput): TranslateResult {
  const { snapshot, management, options = {}, verifies = () => true, resolved = () => undefined } = input
  const { trustFailures = new Map() } = input
  facts.begin(snapshot)
  occupied.begin(snapshot)
  const context = { snapshot, management, trustFailures, memory, factsOf: facts.factsOf }
  const tenancy = new Tenancy(context.factsOf(management))
  const foreign = withoutTenants(context, tenancy, facts)
  const readings = generations.map((generation) => generation.read(foreign.context))
  const intents = readings.map(({ intent }) => intent)
  const outcome = translateIntents({
    intents,
    addresses: recordedAddresses(snapshot, management, intents),
    occupied,
    yieldToUsers: options.disallowIntersectingConfig ?? true,
    memory,
    verifies,
    refusals: input.refusals ?? [],
  })
  const reports = readings.map(({ report }) => report(outcome))
  const records = intents.flatMap((intent) => recordOf(intent, outcome, management))
  const bridge = tetrateServiceBridge({ ...context, resolved, verifies, tenancy })
  const wanted = [
    ...withoutDefaults(outcome.objects, bridge.objects),
    records,
    ...reports.flatMap(({ objects }) => objects),
    bridge.objects,
  ]
  const cleared = wanted.map((list) => withoutClashes(list, occupied, memory))
  return {
    objects: memory.inOrder(
      'objects',
      cleared.map(({ objects }) => objects),
      compareObjects,
    ),
    secrets: reports.flatMap(({ secrets }) => secrets).sort(compareObjects),
    statuses: memory.inOrder(
      'statuses',
      [...reports.flatMap(({ statuses }) => statuses), bridge.statuses],
      compareObjects,
    ),
    problems: distinct([
      ...outcome.problems,
      ...cleared.flatMap(({ problems }) => problems),
      ...reports.flatMap((each) => each.problems),
      ...bridge.problems,
      ...foreign.problems,
    ]),
    trust: withSharedRoot(
      outcome.groups.flatMap(({ group }) => trustOf(group)),
      bridge.root,
    ),
    isTrustUnsettled: outcome.groups.some(
      ({ virtualMesh, group, objections }) =>
        virtualMesh.trust !== undefined && (group === undefined || objections.length > 0),
    ),
    names: bridge.names,
  }
}

/**
 * Of two DestinationRules for one host in one namespace, proxies take the older one's policy. So what a generation writes
 * for every service, which says no more than that TLS is spoken, makes way for a rule that says more.
 */
function withoutDefaults(
  objects: readonly (readonly ClusterObject[])[],
  decided: readonly ClusterObject[],
): readonly (readonly ClusterObject[])[] {
  const keyOf = ({ cluster, object }: ClusterObject): string =>
    `${cluster}/${object.metadata.namespace}/${asText(at(object.spec, 'host'))}`
  const isRule = ({ object }: ClusterObject): boolean => object.kind === 'DestinationRule'
  const hosts = new Set(decided.filter(isRule).map(keyOf))
  if (hosts.size === 0) return objects
  const isDefault = ({ object: { spec } }: ClusterObject): boolean =>
    at(spec, 'subsets') === undefined && Object.keys(asMap(at(spec, 'trafficPolicy'))).every((name) => name === 'tls')
  return objects.map((list) => list.filter((each) => !isRule(each) || !hosts.has(keyOf(each)) || !isDefault(each)))
}

/** In order, each once: several objects may stumble over the same thing. */
function distinct(problems: readonly Problem[]): Problem[] {
  const sorted = [...problems].sort(compareProblems)
  return sorted.filter((problem, index) => {
    const before = sorted[index - 1]
    return before === undefined || compareProblems(before, problem) !== 0
  })
}

function recordedAddresses(snapshot: Snapshot, management: string, intents: readonly Intent[]): Record<string, string> {
  const maps = objectsOf(snapshot.clusters.get(management), '/ConfigMap')
  const records = intents.map(({ dialect }) => maps.get(`${dialect.managementNamespace}/${addressRecord}`))
  return Object.assign({}, ...records.map((record) => asTexts(at(record, 'data'))))
}

/** The record of the addresses of a generation's hosts. */
function recordOf({ dialect }: Intent, { addresses, hostOwners }: Outcome, management: string): ClusterObject[] {
  const own = [...addresses].filter(([host]) => hostOwners.get(host) === dialect.id)
  if (own.length === 0) return []
  const metadata = { name: addressRecord, namespace: dialect.managementNamespace, labels: { [ownerLabel]: dialect.id } }
  const data = Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1)))
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }
  return [{ cluster: management, object }]
}

/** Clusters of a VirtualMesh that shares a root have that one. */
function withSharedRoot(groups: readonly TrustGroup[], root: SharedRoot | undefined): readonly TrustGroup[] {
  if (root === undefined) return groups
  const taken = new Set(groups.flatMap(({ members }) => members.map(({ cluster }) => cluster)))
  const members = root.members
    .filter(({ name }) => !taken.has(name))
    .map(({ name, trustDomain }) => ({ cluster: name, namespace: 'istio-system', trustDomain }))
  return members.length === 0 ? groups : [...groups, { virtualMesh: root.object, trust: root.trust, members }]
}

function trustOf(group: Outcome['groups'][number]['group']): TrustGroup[] {
  const trust = group?.virtualMesh.trust
  if (group === undefined || trust === undefined) return []
  const members = group.members.map(({ cluster, namespace, trustDomain }) => ({
    cluster,
    namespace,
    trustDomain: trustDomain || 'cluster.local',
  }))
  return [{ virtualMesh: group.virtualMesh.object, trust, members }]
}
