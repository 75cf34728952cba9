// Groups: parts of a workspace that configuration of one sort is for.
import { defineKind, enumeration, type Static } from '../dsl.ts'
import { checkNamespaces } from './checks.ts'
import {
  deletionProtectionEnabled,
  namespaceFields,
  namespaceRule,
  profiles,
  securityDomain,
  spec,
  status,
  statusColumn,
  tenantColumn,
  v2,
  workspaceColumn,
} from './common.ts'

const configMode = enumeration(['BRIDGED', 'DIRECT'], 'Takes TSB’s own kinds, or Istio’s; omitted: BRIDGED.')

const groupSpec = spec(
  { ...namespaceFields, configMode, deletionProtectionEnabled, profiles },
  { rules: [namespaceRule] },
)

const group = (area: string, shortName: string, what: string) =>
  defineKind({
    group: `${area}.tsb.tetrate.io`,
    versions: v2,
    categories: ['tsb'],
    kind: 'Group',
    plural: 'groups',
    shortNames: [shortName],
    description: `The part of a workspace that ${what}.`,
    spec: groupSpec,
    status,
    printerColumns: [
      { name: 'Mode', type: 'string', jsonPath: '.spec.configMode' },
      statusColumn,
      tenantColumn,
      workspaceColumn,
    ],
    checkFields: (root, { spec: value }) => value && checkNamespaces(root.field('spec'), value),
  })

export const trafficGroup = group('traffic', 'tg', 'routes and traffic settings are for')
export const gatewayGroup = group('gateway', 'gg', 'gateways stand in')
export const istioInternalGroup = group('istiointernal', 'iig', 'Envoy filters, service entries and plugins are for')

export const securityGroup = defineKind({
  ...group('security', 'sg', 'security settings are for'),
  spec: spec(
    { ...namespaceFields, configMode, deletionProtectionEnabled, profiles, securityDomain },
    { rules: [namespaceRule] },
  ),
})

export type GroupSpec = Static<typeof groupSpec>
export type SecurityGroupSpec = Static<typeof securityGroup.spec>
