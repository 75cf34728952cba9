// tsb.tetrate.io: organization, tenants, workspaces, and the settings of each.
import { boolean, defineKind, list, map, object, type Static, string } from '../dsl.ts'
import { checkNamespaces, checkWorkspaceSetting } from './checks.ts'
import {
  deletionProtectionEnabled,
  labels,
  namespaceFields,
  namespaceRule,
  profiles,
  securityDomain,
  spec,
  status,
  statusColumn,
  stringMatch,
  tenantColumn,
  v2,
  workloadSelector,
  workspaceColumn,
} from './common.ts'
import { failoverSettings, regionalFailover } from './failover.ts'
import { securitySettingPart } from './security-setting.ts'
import { trafficSettingPart } from './traffic-setting.ts'

const common = { group: 'tsb.tetrate.io', versions: v2, categories: ['tsb'], status }

const defaults = { defaultSecuritySetting: securitySettingPart, defaultTrafficSetting: trafficSettingPart } as const

export const organization = defineKind({
  ...common,
  kind: 'Organization',
  plural: 'organizations',
  description: 'The root of everything that is owned.',
  spec: spec({
    deletionProtectionEnabled,
    profiles,
    systemNamespaces: list(string(), { description: 'Namespaces that no workspace can own.' }),
  }),
  printerColumns: [statusColumn],
})

export const organizationSetting = defineKind({
  ...common,
  kind: 'OrganizationSetting',
  plural: 'organizationsettings',
  description:
    'What holds for the whole organization, unless something below says otherwise. One for each organization.',
  spec: spec({
    networkSettings: object({
      networkReachability: map(string(), {
        description: 'Network → networks, separated by commas, whose clusters can be reached from it.',
      }),
    }),
    regionalFailover,
    failoverSettings,
    ...defaults,
  }),
  printerColumns: [statusColumn],
})

export const tenant = defineKind({
  ...common,
  kind: 'Tenant',
  plural: 'tenants',
  description: 'A team, or a line of business: owner of workspaces.',
  spec: spec({ deletionProtectionEnabled, profiles, securityDomain }),
  printerColumns: [statusColumn],
})

export const tenantSetting = defineKind({
  ...common,
  kind: 'TenantSetting',
  plural: 'tenantsettings',
  shortNames: ['tns'],
  description: 'What holds for a tenant, unless something below says otherwise.',
  spec: spec(defaults),
  printerColumns: [statusColumn, tenantColumn],
})

export const workspace = defineKind({
  ...common,
  kind: 'Workspace',
  plural: 'workspaces',
  shortNames: ['ws'],
  description: 'Namespaces, in one cluster or many, that a tenant owns.',
  spec: spec(
    {
      ...namespaceFields,
      privileged: boolean({ description: 'Its gateways may send requests to other workspaces.' }),
      isolationBoundary: string({ description: 'Omitted: global.' }),
      deletionProtectionEnabled,
      profiles,
      securityDomain,
    },
    { rules: [namespaceRule] },
  ),
  printerColumns: [{ name: 'Privileged', type: 'boolean', jsonPath: '.spec.privileged' }, tenantColumn],
  checkFields: (root, { spec: value }) => value && checkNamespaces(root.field('spec'), value),
})

export const workspaceSetting = defineKind({
  ...common,
  kind: 'WorkspaceSetting',
  plural: 'workspacesettings',
  shortNames: ['wss'],
  description: 'What holds for a workspace: which of its services fail over to other clusters, and defaults.',
  spec: spec({
    ...defaults,
    defaultEastWestGatewaySettings: list(
      object({
        configGenerationMetadata: object({ labels, annotations: labels }),
        workloadSelector,
        exposedServices: list(object({ serviceLabels: labels }), {
          description: 'Services by their labels, any of; omitted: every service of the workspace.',
        }),
      }),
      { description: 'Gateways at which services can be reached from other clusters; the first one counts.' },
    ),
    failoverSettings,
    regionalFailover,
    hostsReachability: object({
      hostnames: list(stringMatch, { description: 'Hosts of gateways that this workspace sees; empty: none.' }),
    }),
  }),
  printerColumns: [statusColumn, tenantColumn, workspaceColumn],
  checkFields: (root, { spec: value }) => value && checkWorkspaceSetting(root.field('spec'), value),
})

export type OrganizationSpec = Static<typeof organization.spec>
export type OrganizationSettingSpec = Static<typeof organizationSetting.spec>
export type TenantSpec = Static<typeof tenant.spec>
export type TenantSettingSpec = Static<typeof tenantSetting.spec>
export type WorkspaceSpec = Static<typeof workspace.spec>
export type WorkspaceSettingSpec = Static<typeof workspaceSetting.spec>
