// SecuritySetting and ServiceSecuritySetting.
import { defineKind, enumeration, list, object, type Static, string } from '../dsl.ts'
import { checkSecuritySetting } from './checks.ts'
import { envelope, spec, status, statusColumn, tenantColumn, v2, workspaceColumn } from './common.ts'
import { authorization, httpAuthentication, waf, wasmPlugins } from './security-parts.ts'

const trafficMode = ['UNSET', 'OPTIONAL', 'REQUIRED'] as const

export const securitySettingFields = {
  authentication: enumeration(trafficMode, 'Older spelling of authenticationSettings.trafficMode.'),
  authenticationSettings: object({
    trafficMode: enumeration(trafficMode, 'Whether calls without mutual TLS are taken.'),
    http: httpAuthentication,
  }),
  authorization,
  extension: wasmPlugins,
  waf,
  propagationStrategy: enumeration(
    ['REPLACE', 'STRICTER'],
    'Whether what is below replaces this, or the stricter of both counts.',
  ),
} as const

/** A SecuritySetting as a part of another object. */
export const securitySettingPart = object({ ...envelope, ...securitySettingFields })

const common = { group: 'security.tsb.tetrate.io', versions: v2, categories: ['tsb'], status }
const printerColumns = [statusColumn, tenantColumn, workspaceColumn]

export const securitySetting = defineKind({
  ...common,
  kind: 'SecuritySetting',
  plural: 'securitysettings',
  shortNames: ['ss'],
  description: 'Who may call the workloads of a security group, and how callers prove who they are.',
  spec: spec(securitySettingFields),
  printerColumns,
  checkFields: (root, { spec: value }) => value && checkSecuritySetting(root.field('spec'), value),
})

export const serviceSecuritySetting = defineKind({
  ...common,
  kind: 'ServiceSecuritySetting',
  plural: 'servicesecuritysettings',
  shortNames: ['sss'],
  description: 'The same for one service, or for some of its versions.',
  spec: spec({
    service: string({ description: 'NAMESPACE/HOST.' }),
    settings: securitySettingPart,
    subsets: list(object({ name: string(), settings: securitySettingPart })),
  }),
  printerColumns,
  checkFields: (root, { spec: value }) => {
    const place = root.field('spec')
    if (!value?.service) place.field('service').error('Required value', 'required')
    if (value?.settings !== undefined) checkSecuritySetting(place.field('settings'), value.settings)
    place.field('subsets').each(value?.subsets, (at, subset) => {
      if (subset.settings !== undefined) checkSecuritySetting(at.field('settings'), subset.settings)
    })
  },
})

export type SecuritySettingSpec = Static<typeof securitySettingPart>
export type ServiceSecuritySettingSpec = Static<typeof serviceSecuritySetting.spec>
