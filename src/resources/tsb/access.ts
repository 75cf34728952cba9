// Who may do what with the objects of an organization: users, teams, roles and bindings.
import { anyObject, boolean, defineKind, enumeration, list, object, type Static, string } from '../dsl.ts'
import { checkBindings, checkRole } from './access-checks.ts'
import { spec, status, v2 } from './common.ts'

const own = { group: 'tsb.tetrate.io', versions: v2, categories: ['tsb'], status }
const rbac = { group: 'rbac.tsb.tetrate.io', versions: v2, categories: ['tsb'], status }
const sourceType = enumeration(['INVALID', 'LOCAL', 'LDAP', 'AZURE', 'MANUAL', 'OIDC'])

export const user = defineKind({
  ...own,
  kind: 'User',
  plural: 'users',
  description: 'A person. Passwords and tokens stand elsewhere.',
  spec: spec({
    loginName: string({ description: 'Omitted: the name of the object.' }),
    firstName: string(),
    lastName: string(),
    email: string(),
    providerName: string(),
    sourceType,
  }),
})

export const team = defineKind({
  ...own,
  kind: 'Team',
  plural: 'teams',
  description: 'Users, teams and service accounts that share roles.',
  spec: spec({
    members: list(string(), { description: 'Full names of users, teams and service accounts.' }),
    externalMembers: list(string()),
    oidcGroups: list(string(), { description: 'Groups of an OIDC token whose bearers are members.' }),
    excludeFromJitReconcile: boolean(),
    sourceType,
  }),
})

export const serviceAccount = defineKind({
  ...own,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  description: 'A program that acts by itself.',
  spec: spec({ keys: list(anyObject()) }),
})

export const permissions = ['READ', 'WRITE', 'CREATE', 'DELETE', 'SET_POLICY', 'GET_POLICY'] as const

export const role = defineKind({
  ...rbac,
  kind: 'Role',
  plural: 'roles',
  description: 'Permissions by kind. rbac/admin, rbac/editor, rbac/reader, rbac/writer and rbac/creator are built in.',
  spec: spec({
    rules: list(
      object({
        types: list(
          object({
            apiGroup: string(),
            kinds: list(string(), { description: 'Omitted: all kinds of the group.' }),
            scopedAt: list(object({ apiGroup: string(), kind: string() })),
          }),
          { description: 'Omitted: everything.' },
        ),
        permissions: list(enumeration(['INVALID', ...permissions])),
      }),
    ),
  }),
  checkFields: (root, { spec: value }) => value && checkRole(root.field('spec'), value),
})

const bindingsSpec = spec({
  allow: list(
    object({
      role: string({ description: 'rbac/NAME.' }),
      subjects: list(
        object(
          {
            user: string({ description: 'Full name.' }),
            team: string({ description: 'Full name.' }),
            serviceAccount: string({ description: 'Full name.' }),
          },
          { atMostOne: [['user', 'team', 'serviceAccount']] },
        ),
      ),
    }),
  ),
})

const bindings = (kind: string, shortName: string, what: string) =>
  defineKind({
    ...rbac,
    kind,
    plural: kind.toLowerCase(),
    singular: kind.toLowerCase(),
    shortNames: [shortName],
    description: `Who has which role for ${what} and everything below.`,
    spec: bindingsSpec,
    printerColumns: [{ name: 'Of', type: 'string', jsonPath: '.metadata.annotations.tsb\\.tetrate\\.io/fqn' }],
    checkFields: (root, { spec: value }) => value && checkBindings(root.field('spec'), value),
  })

export const accessBindings = bindings('AccessBindings', 'ab', 'any object')
export const organizationAccessBindings = bindings('OrganizationAccessBindings', 'oab', 'an organization')
export const tenantAccessBindings = bindings('TenantAccessBindings', 'tnab', 'a tenant')
export const workspaceAccessBindings = bindings('WorkspaceAccessBindings', 'wab', 'a workspace')
export const trafficAccessBindings = bindings('TrafficAccessBindings', 'tab', 'a traffic group')
export const gatewayAccessBindings = bindings('GatewayAccessBindings', 'gab', 'a gateway group')
export const securityAccessBindings = bindings('SecurityAccessBindings', 'sab', 'a security group')
export const istioInternalAccessBindings = bindings('IstioInternalAccessBindings', 'iab', 'an Istio-internal group')

export type UserSpec = Static<typeof user.spec>
export type TeamSpec = Static<typeof team.spec>
export type RoleSpec = Static<typeof role.spec>
export type AccessBindingsSpec = Static<typeof bindingsSpec>
