// Where an object may stand: its parent exists, and takes objects of its kind.
import { isObject } from '../../resources/index.ts'
import { type ApiKind, type Identity, kindLabel, missingLevel, parentFqn } from '../../resources/tsb/index.ts'
import { error, type Finding } from '../findings.ts'
import type { HierarchyView, StoredObject } from '../view.ts'

export function checkParent(view: HierarchyView, { kind, identity, fqn }: StoredObject): Finding[] {
  const missing = missingLevel(kind, identity)
  if (missing !== undefined) return [error(`metadata.${missing}`, 'Required value')]
  if (kind.bindingsOf !== undefined) return view.named(fqn) || isRoot(fqn, view) ? [] : [notFound(fqn, 'metadata')]
  const parent = parentFqn(kind, identity)
  if (parent === '' || view.named(parent) !== undefined || isRoot(parent, view)) return []
  return [notFound(firstMissing(view, parent), `metadata.${levelOf(kind, identity)}`)]
}

/** The first organization comes into being by being named; a second one must be made, so that a slip makes none. */
function isRoot(fqn: string, view: HierarchyView): boolean {
  return /^organizations\/[^/]+$/.test(fqn) && view.ofKind('Organization').length === 0
}

function notFound(fqn: string, path: string): Finding {
  return error(path, `${fqn} not found; create it first`)
}

/** The outermost thing that is missing: what the user must create first. */
function firstMissing(view: HierarchyView, fqn: string): string {
  const parts = fqn.split('/')
  const names = parts.flatMap((_, i) => (i % 2 === 1 ? [parts.slice(0, i + 1).join('/')] : []))
  return names.find((name) => view.named(name) === undefined && !isRoot(name, view)) ?? fqn
}

function levelOf(kind: ApiKind, { workspace, group }: Identity): string {
  if (group !== '') return 'group'
  if (workspace !== '') return 'workspace'
  return kind.parent === 'organization' ? 'organization' : 'tenant'
}

const isDirect = (group: StoredObject | undefined): boolean =>
  isObject(group?.object.spec) && group.object.spec['configMode'] === 'DIRECT'

/** Groups take TSB's own kinds or Istio's, as their mode says; a group that holds objects keeps its mode. */
export function checkMode(view: HierarchyView, changed: StoredObject): Finding[] {
  const { kind, identity, fqn } = changed
  if (kind.kind === 'Group') {
    const wrong = view
      .below(fqn)
      .find((each) => each.kind.bindingsOf === undefined && (each.kind.istio !== undefined) !== isDirect(changed))
    if (wrong === undefined) return []
    const mode = isDirect(changed) ? 'DIRECT' : 'BRIDGED'
    return [
      error(
        'spec.configMode',
        `the group holds ${kindLabel(wrong.kind)} ${wrong.identity.name}, which mode ${mode} does not take`,
      ),
    ]
  }
  if (identity.group === '' || kind.bindingsOf !== undefined) return []
  const group = view.named(parentFqn(kind, identity))
  if (group === undefined || isDirect(group) === (kind.istio !== undefined)) return []
  return [
    error(
      'metadata.group',
      kind.istio === undefined
        ? `group ${identity.group} is in mode DIRECT, which takes Istio's kinds only`
        : `group ${identity.group} is in mode BRIDGED, which takes TSB's own kinds only; set configMode: DIRECT on it`,
    ),
  ]
}

/** Settings: one for each parent, whatever its name. */
export function checkSingleton(view: HierarchyView, { kind, identity, fqn }: StoredObject): Finding[] {
  if (!kind.isSingleton) return []
  const parent = parentFqn(kind, identity)
  const other = view
    .ofKind(kind.kind)
    .find((each) => each.fqn !== fqn && parentFqn(each.kind, each.identity) === parent)
  return other === undefined ? [] : [error('metadata.name', `${parent} has its ${kind.kind} already: ${other.fqn}`)]
}

/** A security domain that an ancestor has cannot be changed below it. */
export function checkSecurityDomain(
  view: HierarchyView,
  changed: StoredObject,
  ancestors: readonly string[],
): Finding[] {
  const domainOf = (each: StoredObject | undefined): unknown =>
    isObject(each?.object.spec) ? each.object.spec['securityDomain'] : undefined
  const own = domainOf(changed)
  if (typeof own !== 'string' || own === '') return []
  if (!/^organizations\/[^/]+\/securitydomains\/[^/]+$/.test(own))
    return [
      error(
        'spec.securityDomain',
        `Invalid value: ${JSON.stringify(own)}: must be organizations/NAME/securitydomains/NAME`,
      ),
    ]
  const above = ancestors
    .map((fqn) => view.named(fqn))
    .find((each) => {
      const domain = domainOf(each)
      return typeof domain === 'string' && domain !== '' && domain !== own
    })
  return above === undefined ? [] : [error('spec.securityDomain', `${above.fqn} has another security domain already`)]
}
