import { beforeEach, describe, expect, it } from 'vitest'
import { managementKinds, readApiFile, toApi } from '../resources/tsb/index.ts'
import { difference } from './audit.ts'
import { ManagementError } from './findings.ts'
import { type ChangeResult, Management, type Principal } from './index.ts'
import { MemoryStore } from './testing.ts'

const platform: Principal = { name: 'root', isPlatform: true, subjects: [] }
const user = (name: string): Principal => ({ name, isPlatform: false, subjects: [`organizations/o/users/${name}`] })

let store: MemoryStore
let management: Management

beforeEach(() => {
  store = new MemoryStore()
  let now = 0
  management = new Management({ store, audit: store.audit, now: () => (now += 1000) })
})

const at = (place: string, apiVersion: string, kind: string, spec: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {organization: o, ${place}}\nspec: ${spec}\n`
const api = 'api.tsb.tetrate.io/v2'
const tenant = (name: string): string => at(`name: ${name}`, api, 'Tenant', '{}')
const workspace = (tenantName: string, name: string, selector: string, more = ''): string =>
  at(`tenant: ${tenantName}, name: ${name}`, api, 'Workspace', `{namespaceSelector: {names: ["${selector}"]}${more}}`)
const group = (name: string, selector: string, mode = 'BRIDGED', area = 'traffic'): string =>
  at(
    `tenant: a, workspace: w, name: ${name}`,
    `${area}.tsb.tetrate.io/v2`,
    'Group',
    `{namespaceSelector: {names: ["${selector}"]}, configMode: ${mode}}`,
  )

async function apply(principal: Principal, ...documents: string[]): Promise<ChangeResult[]> {
  const { objects, problems } = readApiFile(documents.join('---\n'), 'x.yaml')
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  const requests = objects.map((object) => ({ ...object }))
  return management.apply(requests, principal, 'test')
}

/** `action name` of each object, or what is said against it. */
const outcome = (results: readonly ChangeResult[]): string[] =>
  results.map(({ action, fqn, code, findings }) => {
    const [first] = findings.filter(({ severity }) => severity === 'error')
    return action === 'refused' ? `${code}: ${first?.path}: ${first?.message}` : `${action} ${fqn.split('/').at(-1)}`
  })

describe('hierarchy', () => {
  it('takes parents and children in any order, and makes the first organization by its name', async () => {
    expect(outcome(await apply(platform, workspace('a', 'w', '*/x'), tenant('a')))).toEqual([
      'created o',
      'created a',
      'created w',
    ])
    expect(outcome(await apply(platform, tenant('a')))).toEqual(['unchanged a'])
    expect(outcome(await apply(platform, at('name: a', api, 'Tenant', '{displayName: A}')))).toEqual(['changed a'])
  })

  it('asks for parents, and applies nothing if one object is refused', async () => {
    expect(outcome(await apply(platform, tenant('b'), workspace('a', 'w', '*/x')))).toEqual([
      'created o',
      'created b',
      'NotFound: metadata.tenant: organizations/o/tenants/a not found; create it first',
    ])
    expect(store.objects.size).toBe(0)
    await apply(platform, tenant('a'))
    const stray = tenant('a').replace('organization: o', 'organization: other')
    expect(outcome(await apply(platform, stray))).toEqual([
      'NotFound: metadata.organization: organizations/other not found; create it first',
    ])
  })

  it('lets a workspace have one setting only', async () => {
    const setting = (name: string): string =>
      at(`tenant: a, workspace: w, name: ${name}`, api, 'WorkspaceSetting', '{}')
    await apply(platform, tenant('a'), workspace('a', 'w', '*/x'), setting('one'))
    expect(outcome(await apply(platform, setting('two')))[0]).toContain('has its WorkspaceSetting already')
    expect(outcome(await apply(platform, setting('one')))).toEqual(['unchanged one'])
  })

  it('keeps modes of groups apart', async () => {
    await apply(platform, tenant('a'), workspace('a', 'w', '*/x'), group('b', '*/x'))
    const route = (inGroup: string): string =>
      at(
        `tenant: a, workspace: w, group: ${inGroup}, name: r`,
        'traffic.tsb.tetrate.io/v2',
        'ServiceRoute',
        '{service: x/y}',
      )
    const virtualService = (inGroup: string): string =>
      at(
        `tenant: a, workspace: w, group: ${inGroup}, name: v, namespace: x`,
        'networking.istio.io/v1',
        'VirtualService',
        '{hosts: [y], http: [{route: [{destination: {host: y}}]}]}',
      )
    expect(outcome(await apply(platform, route('b')))).toEqual(['created r'])
    expect(outcome(await apply(platform, virtualService('b')))[0]).toContain('set configMode: DIRECT')
    expect(outcome(await apply(platform, group('b', '*/x', 'DIRECT')))[0]).toContain('the group holds ServiceRoute r')
    await apply(platform, group('d', 'c1/x', 'DIRECT'))
    expect(outcome(await apply(platform, virtualService('d')))).toEqual(['created v'])
    const [stored] = await management.find(
      { fqn: 'organizations/o/tenants/a/workspaces/w/trafficgroups/d/virtualservices/v' },
      platform,
    )
    expect(stored && toApi(stored.object)).toMatchObject({
      kind: 'VirtualService',
      metadata: { group: 'd', namespace: 'x', name: 'v' },
    })
  })

  it('judges selections: ties, system namespaces, what is outside the workspace', async () => {
    await apply(platform, tenant('a'), tenant('b'), workspace('a', 'w', '*/x'))
    expect(outcome(await apply(platform, workspace('b', 'v', '*/x')))[0]).toContain(
      'is selected by organizations/o/tenants/a/workspaces/w already (*/x)',
    )
    expect(outcome(await apply(platform, workspace('b', 'v', 'c1/x')))).toEqual(['created v'])
    expect(outcome(await apply(platform, workspace('b', 'u', '*/istio-system')))[0]).toContain(
      'namespace of the system',
    )
    expect(outcome(await apply(platform, group('g', '*/y')))[0]).toContain('selects nothing of')
    const [warned] = await apply(platform, workspace('b', 'u', 'c9/z'))
    expect(warned?.findings.map(({ message }) => message)).toEqual(['c9/z: there is no cluster c9; known: c1, c2'])
  })
})

describe('changes', () => {
  it('on a stale state are conflicts', async () => {
    await apply(platform, tenant('a'))
    const [read] = await management.find({ fqn: 'organizations/o/tenants/a' }, platform)
    const etag = String(read && toApi(read.object)?.metadata['resourceVersion'])
    const withEtag = (spec: string): string =>
      `apiVersion: ${api}\nkind: Tenant\nmetadata: {organization: o, name: a, resourceVersion: '${etag}'}\nspec: ${spec}\n`
    expect(outcome(await apply(platform, withEtag('{displayName: one}')))).toEqual(['changed a'])
    expect(outcome(await apply(platform, withEtag('{displayName: two}')))[0]).toContain(
      'Aborted: metadata.resourceVersion',
    )
    expect(outcome(await apply(platform, at('name: a', api, 'Tenant', '{displayName: two}')))).toEqual(['changed a'])
  })

  it('are in the audit log, with what changed', async () => {
    await apply(platform, tenant('a'))
    await apply(platform, at('name: a', api, 'Tenant', '{displayName: A}'))
    const [found] = await management.find({ fqn: 'organizations/o/tenants/a' }, platform)
    if (found === undefined) throw new Error('not found')
    await management.remove([found], platform, 'test')
    const log = await management.audit({ fqn: 'organizations/o', isRecursive: true }, platform)
    expect(log.map(({ operation, user: by }) => `${operation} ${by}`)).toEqual([
      'DELETE root',
      'UPDATE root',
      'CREATE root',
      'CREATE root',
    ])
    expect(log[1]?.properties?.['diff']).toBe('+   displayName: A')
    expect(await management.audit({ fqn: 'organizations/o/tenants/a', operation: 'delete' }, platform)).toHaveLength(1)
  })

  it('delete what is below, unless something of it is protected', async () => {
    await apply(
      platform,
      tenant('a'),
      workspace('a', 'w', '*/x', ', deletionProtectionEnabled: true'),
      group('g', '*/x'),
    )
    const [found] = await management.find({ fqn: 'organizations/o/tenants/a' }, platform)
    if (found === undefined) throw new Error('not found')
    await expect(management.remove([found], platform, 'test')).rejects.toThrow(
      /Workspace organizations\/o\/tenants\/a\/workspaces\/w is protected/,
    )
    await apply(platform, workspace('a', 'w', '*/x'))
    const gone = await management.remove([found], platform, 'test')
    expect(gone.map(({ label }) => label)).toEqual(['TrafficGroup', 'Workspace', 'Tenant'])
    expect((await management.find({}, platform)).map(({ fqn }) => fqn)).toEqual(['organizations/o'])
  })

  it('have a status; of parents it is the worst of what is below', async () => {
    await apply(platform, tenant('a'), workspace('a', 'w', '*/x'), group('g', '*/x'))
    const of = async (kind: string): Promise<unknown> => {
      const all = await management.status({}, platform)
      return all.find(({ metadata }) => metadata['name'] === kind)?.spec
    }
    expect(await of('w')).toMatchObject({
      status: 'ACCEPTED',
      configEvents: { events: [{ type: 'XCP_ACCEPTED' }, {}, {}] },
    })
    expect(await of('a')).toMatchObject({ status: 'READY' })
    for (const [key, object] of store.objects)
      if (key.includes('Group'))
        store.objects.set(key, { ...object, status: { status: 'FAILED', message: 'no', observedGeneration: '1' } })
    expect(await of('w')).toMatchObject({ status: 'FAILED', message: expect.stringContaining('/trafficgroups/g') })
    for (const [key, object] of store.objects)
      if (key.includes('Group'))
        store.objects.set(key, { ...object, status: { status: 'READY', warnings: ['mind this'] } })
    expect(await of('g')).toMatchObject({ status: 'READY', message: 'mind this' })
  })
})

describe('objects by kubectl that have no effect', () => {
  const thief = (name: string, status: object): void => {
    const kind = managementKinds.find((each) => each.kind === 'WorkspaceSetting')
    if (kind === undefined) throw new Error('the kind is there')
    const place = { organization: 'o', tenant: 'a', workspace: 'w' }
    const annotations = Object.fromEntries(Object.entries(place).map(([key, text]) => [`tsb.tetrate.io/${key}`, text]))
    const metadata = { name, namespace: 'b-shop', annotations }
    store.put(kind, { apiVersion: 'tsb.tetrate.io/v2', kind: 'WorkspaceSetting', metadata, spec: {}, status })
  }
  const setting = at('tenant: a, workspace: w, name: s', api, 'WorkspaceSetting', '{displayName: Mine}')

  it('keep nobody from what is theirs, whatever their names', async () => {
    await apply(platform, tenant('a'), workspace('a', 'w', '*/x'))
    thief('thief', { status: 'FAILED' })
    thief('s', { status: 'FAILED' })
    expect(outcome(await apply(platform, setting))).toEqual(['created s'])
    const found = await management.find({ identity: { name: 's' } }, platform)
    expect(found.map(({ object }) => object.metadata.namespace)).toEqual(['tsb'])
    expect(outcome(await apply(platform, setting))).toEqual(['unchanged s'])
  })

  it('are in the way while they are in force', async () => {
    await apply(platform, tenant('a'), workspace('a', 'w', '*/x'))
    thief('other', { status: 'READY' })
    expect(outcome(await apply(platform, setting))).toEqual([
      expect.stringContaining('has its WorkspaceSetting already'),
    ])
  })
})

describe('access', () => {
  const bindings = (role: string, ...subjects: string[]): string =>
    at(
      'tenant: a',
      'rbac.tsb.tetrate.io/v2',
      'TenantAccessBindings',
      `{allow: [{role: ${role}, subjects: [${subjects.join(', ')}]}]}`,
    )

  beforeEach(async () => {
    const joe = at('name: joe', api, 'User', '{loginName: joe}')
    const team = at('name: devs', api, 'Team', '{members: [organizations/o/users/ann]}')
    await apply(platform, tenant('a'), tenant('b'), joe, team, workspace('a', 'w', '*/x'), workspace('b', 'v', '*/y'))
    await apply(
      platform,
      bindings('rbac/admin', '{user: organizations/o/users/joe}', '{team: organizations/o/teams/devs}'),
    )
  })

  it('is nothing without a binding', async () => {
    expect(await management.find({}, user('eve'))).toEqual([])
    expect(outcome(await apply(user('eve'), workspace('a', 'w2', '*/z')))[0]).toContain('PermissionDenied')
  })

  it('goes downwards only, to users and to members of teams', async () => {
    for (const name of ['joe', 'ann']) {
      const seen = (await management.find({}, user(name))).map(({ fqn }) => fqn)
      expect(seen.filter((fqn) => !fqn.startsWith('organizations/o/tenants/a'))).toEqual([])
      expect(seen).toContain('organizations/o/tenants/a/workspaces/w')
    }
    expect(outcome(await apply(user('joe'), workspace('b', 'u', '*/z')))[0]).toContain('no permission CREATE')
    expect(outcome(await apply(user('joe'), tenant('c')))[0]).toContain('PermissionDenied')
  })

  it('does not reach namespaces of other tenants by closer selectors', async () => {
    expect(outcome(await apply(user('joe'), workspace('a', 'steal', 'c1/y')))[0]).toContain(
      'namespaces of another tenant',
    )
    expect(outcome(await apply(user('joe'), workspace('a', 'wide', 'c1/*')))[0]).toContain(
      'namespaces of another tenant',
    )
    expect(outcome(await apply(user('joe'), workspace('a', 'mine', '*/z')))).toEqual(['created mine'])
    expect(outcome(await apply(user('joe'), workspace('a', 'mine', '*/z', ', privileged: true')))[0]).toContain(
      'spec.privileged',
    )
  })

  it('to bindings needs SET_POLICY, and deleting DELETE', async () => {
    await apply(platform, bindings('rbac/editor', '{user: organizations/o/users/joe}'))
    expect(outcome(await apply(user('joe'), bindings('rbac/admin', '{user: organizations/o/users/joe}')))[0]).toContain(
      'SET_POLICY',
    )
    const [w] = await management.find({ fqn: 'organizations/o/tenants/a/workspaces/w' }, user('joe'))
    if (w === undefined) throw new Error('not found')
    await apply(platform, bindings('rbac/writer', '{user: organizations/o/users/joe}'))
    await expect(management.remove([w], user('joe'), 'test')).rejects.toThrow(ManagementError)
  })

  it('follows roles of one’s own making', async () => {
    const role = `apiVersion: rbac.tsb.tetrate.io/v2\nkind: Role\nmetadata: {name: routes}\nspec: {rules: [{types: [{apiGroup: traffic.tsb.tetrate.io}], permissions: [CREATE]}]}\n`
    expect(outcome(await apply(platform, bindings('rbac/routes', '{user: organizations/o/users/joe}')))[0]).toContain(
      'rbac/routes not found',
    )
    await apply(platform, role, bindings('rbac/routes', '{user: organizations/o/users/joe}'))
    expect(outcome(await apply(user('joe'), group('g', '*/x')))).toEqual(['created g'])
    expect(outcome(await apply(user('joe'), group('g', '*/x', 'BRIDGED', 'gateway')))[0]).toContain(
      'no permission CREATE',
    )
  })
})

it('tells differences line by line', () => {
  expect(difference(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toBe('- b\n+ x\n+ d')
  expect(difference([], ['a'])).toBe('+ a')
  expect(difference(['a'], [])).toBe('- a')
})
