// SecuritySettings of all levels → who may call the workloads of each namespace, and how callers prove who they are.
import type { Problem } from '../../../report/index.ts'
import { asList, asMap, asText, asTexts, at, type ClusterObject, type FactService } from '../../shared/index.ts'
import type { TsbCluster } from '../clusters.ts'
import { isNamed } from '../destination-rules.ts'
import { type Group, groupTaking, type Hierarchy, holds } from '../hierarchy.ts'
import { namespacesIn } from '../namespaces.ts'
import { pathOf, type TsbObject } from '../objects.ts'
import type { CalledPlace, CallerContext } from './callers.ts'
import { authenticationObjects, isClosed, namespacePolicies, type Target, workloadPolicies } from './policies.ts'
import { nothingSaid, type SecuritySetting, withLevel } from './setting.ts'

export { type CallerContext, callersOf } from './callers.ts'
export { withoutToken } from './policies.ts'
export { type Allowance, allowancesOf, type Condition, ruleOf, rulesAgainst } from './requests.ts'
export { tokensOf } from './setting.ts'
export { jwtRules } from './tokens.ts'

/** Name of what holds for a whole namespace. */
const namespaceWide = 'tsb-security'

export interface SecurityResult {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
  /** Namespaces, as `cluster/namespace`, whose workloads not everybody may call. */
  readonly closed: ReadonlySet<string>
}

interface Placed {
  readonly object: TsbObject
  readonly group: Group
}

export function securityObjects(hierarchy: Hierarchy, clusters: readonly TsbCluster[]): SecurityResult {
  const problems: Problem[] = []
  const unknown = new Set<string>()
  const inGroups = (kind: 'SecuritySetting' | 'ServiceSecuritySetting'): Placed[] =>
    hierarchy.all(kind).flatMap((object) => {
      const group = groupTaking(hierarchy, 'SecurityGroup', object, problems)
      return group === undefined ? [] : [{ object, group }]
    })
  const settings = inGroups('SecuritySetting')
  const ofServices = inGroups('ServiceSecuritySetting')
  const context: CallerContext = { hierarchy, clusters, unknown: (fqn) => unknown.add(fqn) }
  const closed = new Set<string>()
  const matched = new Set<TsbObject>()
  const objects = clusters.flatMap((cluster) =>
    namespacesIn(cluster).flatMap((namespace) => {
      const place = placeAt(hierarchy, cluster, namespace)
      if (place === undefined) return []
      const own = settings.filter(({ group }) => place.groups.includes(group)).map(({ object }) => object)
      const levels = [...defaultsOf(hierarchy, place), ...own.map(({ spec }) => spec)]
      const setting = levels.reduce(withLevel, nothingSaid)
      if (isClosed(place, setting, context)) closed.add(`${cluster.name}/${namespace}`)
      const taken = new Map<string, TsbObject>()
      const there = ofServices.filter(({ group }) => place.groups.includes(group))
      const [nearest] = own.slice(-1)
      const all = { place, setting, context, problems, nearest: nearest ?? place.workspace.setting }
      return [
        ...objectsOfNamespace(all),
        ...there.flatMap(({ object }) => objectsOfService({ ...all, object, matched, taken })),
      ]
    }),
  )
  problems.push(
    ...ofServices.flatMap(({ object }) => (matched.has(object) ? [] : [noService(object)])),
    ...unknownNames(
      [...settings, ...ofServices].map(({ object }) => object),
      unknown,
    ),
    ...unknownNames(hierarchy.all('WorkspaceSetting'), unknown),
  )
  return { objects, problems, closed }
}

function placeAt(hierarchy: Hierarchy, cluster: TsbCluster, namespace: string): CalledPlace | undefined {
  const workspace = hierarchy.owners.of(cluster.name, namespace)
  if (workspace === undefined) return undefined
  const groups = hierarchy
    .groups('SecurityGroup')
    .filter((group) => holds(group, hierarchy.owners, cluster.name, namespace))
  return { cluster, namespace, workspace, groups }
}

/** What the levels above groups say, farthest first. */
function defaultsOf(hierarchy: Hierarchy, { workspace }: CalledPlace): Record<string, unknown>[] {
  const specs = [
    ...hierarchy.settingsAbove(workspace.object.place).map(({ spec }) => spec),
    workspace.setting?.spec ?? {},
  ]
  return specs.map((spec) => asMap(spec['defaultSecuritySetting']))
}

interface NamespaceContext {
  readonly place: CalledPlace
  readonly setting: SecuritySetting
  readonly context: CallerContext
  readonly problems: Problem[]
  /** The object that problems of the setting are told on. */
  readonly nearest: TsbObject | undefined
}

function objectsOfNamespace({ place, setting, context, problems, nearest }: NamespaceContext): ClusterObject[] {
  const target: Target = { place, labels: undefined, name: namespaceWide }
  const tell = teller(nearest, problems)
  return [
    ...authenticationObjects(target, setting, tell).filter((each) => !isSaidByUser(place, each)),
    ...namespacePolicies(target, setting, context),
  ]
}

const teller =
  (object: TsbObject | undefined, problems: Problem[]) =>
  (path: string, message: string): void => {
    if (object !== undefined)
      problems.push({ code: 'not-supported', severity: 'error', object: object.ref, path: `spec.${path}`, message })
  }

/** Of two PeerAuthentications for a whole namespace the older one counts; a user's own is meant. */
function isSaidByUser({ cluster, namespace }: CalledPlace, { object }: ClusterObject): boolean {
  if (object.kind !== 'PeerAuthentication') return false
  return cluster.facts
    .objects('security.istio.io/PeerAuthentication')
    .some(
      ({ metadata, spec }) =>
        metadata.namespace === namespace &&
        metadata.labels?.['fairlead.dev/owner'] === undefined &&
        at(spec, 'selector') === undefined,
    )
}

interface ServiceContext extends NamespaceContext {
  readonly object: TsbObject
  readonly matched: Set<TsbObject>
  /** Services of the namespace that have a setting. */
  readonly taken: Map<string, TsbObject>
}

/** What a ServiceSecuritySetting says of its service, and of versions of it. */
function objectsOfService({ object, matched, taken, ...given }: ServiceContext): ClusterObject[] {
  const { place, setting } = given
  const { cluster, namespace } = place
  const service = [...cluster.facts.services.values()].find(
    (each) => each.namespace === namespace && isNamed(object.spec['service'], each.name, namespace),
  )
  if (service === undefined || Object.keys(service.selector).length === 0) return []
  matched.add(object)
  const first = taken.get(service.name)
  if (first !== undefined) {
    given.problems.push(secondOfService(object, first))
    return []
  }
  taken.set(service.name, object)
  const own = asMap(object.spec['settings'])
  const whole = withLevel(setting, own)
  const parts = asList(object.spec['subsets']).flatMap((subset) => {
    const name = asText(at(subset, 'name'))
    const labels = subsetLabels(given.context.hierarchy, service, name)
    if (labels === undefined) given.problems.push(noSubset(object, name))
    const spec = asMap(at(subset, 'settings'))
    return labels === undefined
      ? []
      : [{ name: `${service.name}-${name}`, labels, spec, setting: withLevel(whole, spec) }]
  })
  const all = [{ name: service.name, labels: {}, spec: own, setting: whole }, ...parts]
  return all.flatMap((part) => {
    const labels = { ...service.selector, ...part.labels }
    const target = { place, labels, name: `tsb-${part.name}` }
    return objectsOfWorkloads({ ...given, object, target, spec: part.spec, setting: part.setting, above: setting })
  })
}

interface WorkloadContext extends Omit<NamespaceContext, 'nearest'> {
  readonly object: TsbObject
  readonly target: Target
  /** What is said of these workloads themselves. */
  readonly spec: Readonly<Record<string, unknown>>
  /** What holds for the namespace. */
  readonly above: SecuritySetting
}

function objectsOfWorkloads(given: WorkloadContext): ClusterObject[] {
  const { place, setting, context, problems, object, target, spec, above } = given
  const tell = teller(object, problems)
  const tooMany = (): void =>
    tell('settings.authorization.http.local.rules', 'too many combinations; all calls are refused')
  const own = authenticationObjects(target, setting, tell).filter(({ object: { kind } }) =>
    kind === 'PeerAuthentication' ? setting.trafficMode !== above.trafficMode : isSaid(spec, kind),
  )
  if (spec['authorization'] === undefined && setting.authentication === above.authentication) return own
  const namespaceIsClosed = isClosed(place, above, context)
  return [...own, ...workloadPolicies(target, setting, { ...context, namespaceIsClosed, tooMany })]
}

/** Whether the workloads' own setting says what an object of this kind is made from. */
function isSaid(spec: Readonly<Record<string, unknown>>, kind: string): boolean {
  return kind === 'RequestAuthentication'
    ? at(spec, 'authenticationSettings', 'http') !== undefined
    : at(spec, 'authorization', 'http', 'external') !== undefined
}

/** Labels of a version, as a ServiceRoute has them. */
function subsetLabels(
  hierarchy: Hierarchy,
  { name, namespace }: FactService,
  subset: string,
): Readonly<Record<string, string>> | undefined {
  const routes = hierarchy.all('ServiceRoute').filter(({ spec }) => isNamed(spec['service'], name, namespace))
  const found = routes.flatMap(({ spec }) => asList(spec['subsets'])).find((each) => at(each, 'name') === subset)
  return found === undefined ? undefined : asTexts(at(found, 'labels'))
}

function secondOfService({ ref }: TsbObject, first: TsbObject): Problem {
  const message = `${pathOf(first)} is for this service already; the object has no effect`
  return { code: 'conflict', severity: 'error', object: ref, path: 'spec.service', message }
}

function noSubset({ ref }: TsbObject, name: string): Problem {
  const message = `no ServiceRoute of the service has a subset ${name}; what is said of it has no effect`
  return { code: 'reference-not-found', severity: 'error', object: ref, path: 'spec.subsets', message }
}

function noService({ ref, spec }: TsbObject): Problem {
  const message = `no cluster of the group has a service ${asText(spec['service'])} with pods; nothing is protected by this`
  return { code: 'reference-not-found', severity: 'warning', object: ref, path: 'spec.service', message }
}

/** Names in rules that mean nothing. */
function unknownNames(objects: readonly TsbObject[], unknown: ReadonlySet<string>): Problem[] {
  if (unknown.size === 0) return []
  return objects.flatMap(({ ref, spec }) =>
    placesOfRules(spec).flatMap(([path, rules]) =>
      (['allow', 'deny'] as const).flatMap((verdict) =>
        asList(at(rules, verdict)).flatMap((rule, index) =>
          (['from', 'to'] as const).flatMap((side): Problem[] => {
            const fqn = asText(at(rule, side, 'fqn'))
            if (!unknown.has(fqn)) return []
            const where = `${path}.${verdict}[${index}].${side}.fqn`
            const message = `${fqn} is no organization, tenant, workspace, security group or security domain that is known; the rule matches nothing`
            return [{ code: 'reference-not-found', severity: 'error', object: ref, path: where, message }]
          }),
        ),
      ),
    ),
  )
}

function placesOfRules(spec: Readonly<Record<string, unknown>>): [string, unknown][] {
  const places: [string, unknown][] = [
    ['spec', spec],
    ['spec.settings', spec['settings']],
    ['spec.defaultSecuritySetting', spec['defaultSecuritySetting']],
  ]
  return places.map(([path, value]) => [`${path}.authorization.rules`, at(value, 'authorization', 'rules')])
}
