// The management API: what tctl and the HTTP API ask for, judged by the rules of the hierarchy and by who asks.
import { compareText, sameStructure } from '../lib/index.ts'
import type { KindDefinition, KubeObject } from '../resources/index.ts'
import {
  type ApiKind,
  type AuditLogSpec,
  apiKindsNamed,
  etagOf,
  fqnOf,
  type Identity,
  kindLabel,
  managementKinds,
  parentFqn,
  toStored,
} from '../resources/tsb/index.ts'
import { type AuditFilter, auditEntry, type Change, selectAudit } from './audit.ts'
import { error, type Finding, ManagementError } from './findings.ts'
import { isAllowed, type Permission, type Principal } from './permissions.ts'
import { checkChange, foreignOwners, protectedOf } from './rules/index.ts'
import { type ResourceStatus, resourceStatusOf } from './status.ts'
import type { AuditStore, Store } from './store.ts'
import { HierarchyView, type StoredObject, storedObject } from './view.ts'

/** An object that is to be as it is written. */
export interface ApplyRequest {
  /** Several for Istio kinds that more than one sort of group takes; the groups that there are decide. */
  readonly kinds: readonly ApiKind[]
  readonly identity: Identity
  readonly spec: unknown
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Of Istio objects: where they land. */
  readonly namespace?: string
  /** State that the change is based on; "" for none. */
  readonly etag: string
}

/** What became of one object. */
export interface ChangeResult {
  /** Which of the requests it is, counted from 0; undefined for what was made or deleted along with one. */
  readonly request?: number
  readonly label: string
  readonly fqn: string
  readonly action: 'created' | 'changed' | 'unchanged' | 'deleted' | 'refused'
  /** Errors of what is refused, warnings of what is not. */
  readonly findings: readonly Finding[]
  readonly code?: ManagementError['code']
}

/** Which objects are asked for; what is not said is not asked. */
export interface Query {
  readonly kinds?: readonly ApiKind[]
  readonly identity?: Partial<Identity>
  readonly fqn?: string
}

export interface ManagementOptions {
  readonly store: Store
  readonly audit: AuditStore
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface Planned {
  readonly result: ChangeResult
  readonly before?: StoredObject
  readonly after?: StoredObject
}

const organizationKinds = apiKindsNamed('org')

export class Management {
  readonly #store: Store
  readonly #audit: AuditStore
  readonly #now: () => number

  constructor({ store, audit, now }: ManagementOptions) {
    this.#store = store
    this.#audit = audit
    this.#now = now
  }

  async view(kinds?: readonly ApiKind[]): Promise<HierarchyView> {
    const definitions: readonly KindDefinition[] = kinds?.map(({ definition }) => definition) ?? managementKinds
    const objects = await this.#store.list(definitions)
    return new HierarchyView(objects.flatMap((object) => storedObject(object) ?? []))
  }

  /**
   * Makes objects as they are written: all of them, or none if one is refused. Each is judged as if those before it
   * were there already. Throws what the store throws.
   */
  async apply(requests: readonly ApplyRequest[], principal: Principal, triggeredBy: string): Promise<ChangeResult[]> {
    const [start, clusters] = await Promise.all([this.view(), this.#store.clusters()])
    const known = [...new Set([...clusters, ...start.ofKind('Cluster').map(({ identity }) => identity.name)])].sort()
    let view = start.inForce()
    const planned: Planned[] = []
    for (const { request, index } of parentsFirst(requests)) {
      const plan = planApply(view, request, principal, clusters.length === 0 ? [] : known).map(numbered(index))
      for (const { after } of plan) if (after !== undefined) view = view.with(after)
      planned.push(...plan)
    }
    const isRefused = planned.some(({ result }) => result.action === 'refused')
    if (!isRefused) for (const plan of planned) await this.#carryOut(plan, principal, triggeredBy)
    return planned.map(({ result }) => result)
  }

  /** Deletes an object with everything below it. Throws a ManagementError if that is refused. */
  async remove(fqns: readonly StoredObject[], principal: Principal, triggeredBy: string): Promise<ChangeResult[]> {
    const view = await this.view()
    const gone = fqns.flatMap((subject) => planRemoval(view, subject, principal))
    const unique = [...new Set(gone)].sort((a, b) => compareText(b.fqn, a.fqn))
    for (const before of unique) {
      await this.#store.remove(before.kind.definition, before.object)
      await this.#note({ operation: 'DELETE', before, principal, triggeredBy })
    }
    return unique.map(({ kind, fqn }) => ({ label: kindLabel(kind), fqn, action: 'deleted', findings: [] }))
  }

  /** The objects that fit, as far as the principal may see them. */
  async find(query: Query, principal: Principal): Promise<StoredObject[]> {
    const isOpen = query.kinds === undefined || !principal.isPlatform
    const view = await this.view(isOpen ? undefined : query.kinds)
    return view.all.filter((each) => fits(each, query) && isAllowed(view, principal, 'READ', each))
  }

  async status(query: Query, principal: Principal): Promise<ResourceStatus[]> {
    const view = await this.view()
    const found = view.all.filter((each) => fits(each, query) && isAllowed(view, principal, 'READ', each))
    return found.map((each) => resourceStatusOf(view, each))
  }

  /** The audit log of what the principal may see; of what is gone, by what stood above it. */
  async audit(filter: AuditFilter, principal: Principal): Promise<AuditLogSpec[]> {
    const entries = selectAudit(await this.#audit.list(), filter)
    if (principal.isPlatform) return entries
    const view = await this.view()
    const [any] = view.ofKind('Organization')
    if (any === undefined) return []
    return entries.filter(({ fqn = '' }) => isAllowed(view, principal, 'READ', { kind: any.kind, fqn }))
  }

  async #carryOut({ result, before, after }: Planned, principal: Principal, triggeredBy: string): Promise<void> {
    if (after === undefined || result.action === 'unchanged') return
    const { definition } = after.kind
    const stored =
      before === undefined
        ? await this.#store.create(definition, after.object)
        : await this.#store.update(definition, after.object)
    const written = { ...after, object: stored }
    const operation = before === undefined ? 'CREATE' : 'UPDATE'
    await this.#note({ operation, ...(before && { before }), after: written, principal, triggeredBy })
  }

  #note(change: Change): Promise<void> {
    return this.#audit.append(auditEntry(change, this.#now()))
  }
}

/** Parents before what stands in them, otherwise as written. */
function parentsFirst(requests: readonly ApplyRequest[]): { request: ApplyRequest; index: number }[] {
  const depth = ({ request: { kinds, identity } }: { request: ApplyRequest }): number => {
    const [kind] = kinds
    if (kind === undefined) return 0
    const own = kind.bindingsOf === undefined ? 0 : 1
    return parentFqn(kind, identity).split('/').length + own
  }
  return requests.map((request, index) => ({ request, index })).sort((a, b) => depth(a) - depth(b))
}

/** The last of what is planned for a request is the request's own. */
const numbered =
  (index: number) =>
  (planned: Planned, at: number, all: readonly Planned[]): Planned =>
    at === all.length - 1 ? { ...planned, result: { ...planned.result, request: index } } : planned

function fits({ kind, identity, fqn }: StoredObject, query: Query): boolean {
  if (query.kinds !== undefined && !query.kinds.includes(kind)) return false
  if (query.fqn !== undefined && query.fqn !== fqn) return false
  return Object.entries(query.identity ?? {}).every(
    ([level, name]) => name === '' || identity[level as keyof Identity] === name,
  )
}

function planApply(
  view: HierarchyView,
  request: ApplyRequest,
  principal: Principal,
  clusters: readonly string[],
): Planned[] {
  const kind = chooseKind(view, request)
  if ('severity' in kind) return [refused(request, 'InvalidArgument', [kind])]
  const fqn = fqnOf({ kind, identity: request.identity })
  const content = toStored({ ...request, kind })
  const before = view.find({ kind, fqn })
  const object = before === undefined ? content : onto(before.object, content)
  const after: StoredObject = { kind, identity: request.identity, fqn, object }
  // Who may not do it learns nothing of what else is there.
  const denied = checkAccess(view, before, after, principal)
  if (denied !== undefined) return [refused(request, 'PermissionDenied', [denied], after)]
  const said = (request.spec as { fqn?: unknown } | undefined)?.fqn
  const findings = checkChange(view, after, clusters)
  if (typeof said === 'string' && said !== '' && kind.istio === undefined && said !== fqn)
    findings.push(error('spec.fqn', `Invalid value: ${JSON.stringify(said)}: the object is ${fqn}`))
  const missing = findings.some(({ severity, message }) => severity === 'error' && message.includes('not found'))
  if (findings.some(({ severity }) => severity === 'error'))
    return [refused(request, missing ? 'NotFound' : 'InvalidArgument', findings, after)]
  if (request.etag !== '' && request.etag !== (before === undefined ? '' : etagOf(before.object)))
    return [refused(request, 'Aborted', [staleness(before)], after)]
  const action = before === undefined ? 'created' : isSame(before.object, object) ? 'unchanged' : 'changed'
  const result: ChangeResult = { label: kindLabel(kind), fqn, action, findings }
  return [...implicitOrganization(view, request.identity), { result, ...(before && { before }), after }]
}

function staleness(before: StoredObject | undefined): Finding {
  return error(
    'metadata.resourceVersion',
    before === undefined
      ? 'the object is not there any more; leave resourceVersion and etag out to create it'
      : `the object has changed since: it is at ${etagOf(before.object)} now; get it, and apply again`,
  )
}

/** Istio kinds that two sorts of groups take: the group that is there decides. */
function chooseKind(view: HierarchyView, { kinds, identity }: ApplyRequest): ApiKind | Finding {
  const [only, ...more] = kinds
  if (only === undefined) return error('kind', 'unknown kind')
  if (more.length === 0) return only
  const found = kinds.filter((kind) => view.named(parentFqn(kind, identity)) !== undefined)
  const [first, second] = found
  if (first !== undefined && second !== undefined)
    return error(
      'metadata.group',
      `there are several groups ${identity.group}; say which by annotation tsb.tetrate.io/${first.parent} or tsb.tetrate.io/${second.parent}`,
    )
  return first ?? only
}

/** The new content in the place of the stored object: what Kubernetes keeps of it stays. */
function onto(stored: KubeObject, content: KubeObject): KubeObject {
  const { labels, annotations } = content.metadata
  const kept = Object.entries(stored.metadata.annotations ?? {}).filter(([key]) =>
    key.startsWith('kubectl.kubernetes.io/'),
  )
  const { labels: _labels, managedFields: _fields, ...metadata } = stored.metadata
  return {
    ...stored,
    metadata: {
      ...metadata,
      ...(labels !== undefined && { labels }),
      annotations: { ...Object.fromEntries(kept), ...annotations },
    },
    spec: content.spec,
  }
}

function isSame(before: KubeObject, after: KubeObject): boolean {
  return (
    sameStructure(before.spec ?? {}, after.spec ?? {}) &&
    sameStructure(before.metadata.labels ?? {}, after.metadata.labels ?? {}) &&
    sameStructure(before.metadata.annotations ?? {}, after.metadata.annotations ?? {})
  )
}

function refused(
  { kinds: [kind], identity }: ApplyRequest,
  code: NonNullable<ChangeResult['code']>,
  findings: readonly Finding[],
  after?: StoredObject,
): Planned {
  const label = kind === undefined ? '' : kindLabel(kind)
  return { result: { label, fqn: after?.fqn ?? identity.name, action: 'refused', findings, code } }
}

/** What the principal lacks for a change; undefined if nothing. */
function checkAccess(
  view: HierarchyView,
  before: StoredObject | undefined,
  after: StoredObject,
  principal: Principal,
): Finding | undefined {
  const needed = neededFor(before, after)
  if (!isAllowed(view, principal, needed, after))
    return error('', `${principal.name} has no permission ${needed} for ${after.fqn}`)
  const foreign = foreignOwners(view, after).find(({ owner }) => !isAllowed(view, principal, 'WRITE', owner))
  if (foreign !== undefined)
    return error(
      foreign.path,
      `it selects namespaces of another tenant, and ${principal.name} may not change their owner`,
    )
  const { privileged } = (after.object.spec ?? {}) as { privileged?: boolean }
  if (after.kind.kind !== 'Workspace' || privileged !== true || principal.isPlatform) return undefined
  const tenant = parentFqn(after.kind, after.identity)
  const organization = tenant.split('/').slice(0, 2).join('/')
  if (isAllowed(view, principal, 'WRITE', { kind: after.kind, fqn: organization })) return undefined
  return error(
    'spec.privileged',
    `${principal.name} has no permission WRITE for ${organization}, which a privileged workspace needs`,
  )
}

function neededFor(before: StoredObject | undefined, { kind }: StoredObject): Permission {
  if (kind.bindingsOf !== undefined) return 'SET_POLICY'
  return before === undefined ? 'CREATE' : 'WRITE'
}

/** The first organization is made by being named. */
function implicitOrganization(view: HierarchyView, { organization }: Identity): Planned[] {
  if (organization === '' || view.ofKind('Organization').length > 0) return []
  const [kind] = organizationKinds
  if (kind === undefined) return []
  const identity: Identity = { organization: '', tenant: '', workspace: '', group: '', name: organization }
  const fqn = fqnOf({ kind, identity })
  const after = { kind, identity, fqn, object: toStored({ kind, identity, spec: {} }) }
  return [{ result: { label: kindLabel(kind), fqn, action: 'created', findings: [] }, after }]
}

function planRemoval(view: HierarchyView, { kind, fqn }: StoredObject, principal: Principal): StoredObject[] {
  const subject = view.find({ kind, fqn })
  if (subject === undefined) throw new ManagementError('NotFound', `${kindLabel(kind)} ${fqn} not found`)
  const needed = kind.bindingsOf === undefined ? 'DELETE' : 'SET_POLICY'
  if (!isAllowed(view, principal, needed, subject))
    throw new ManagementError('PermissionDenied', `${principal.name} has no permission ${needed} for ${fqn}`)
  const [held] = protectedOf(view, subject)
  if (held !== undefined)
    throw new ManagementError(
      'FailedPrecondition',
      `${kindLabel(held.kind)} ${held.fqn} is protected; set deletionProtectionEnabled: false on it first`,
    )
  return [subject, ...(kind.bindingsOf === undefined ? view.below(fqn) : [])]
}
