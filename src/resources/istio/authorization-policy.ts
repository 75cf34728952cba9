import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { list, object, oneOf, required, type Static, string } from '../schema.ts'
import { checkAuthorizationPolicy } from './authorization-policy-check.ts'
import { security, securityVersions } from './group.ts'
import { attachment, oneAttachment } from './selector.ts'
import { istioStatus } from './status.ts'

const texts = list(string())
const accounts = list(string({ maxLength: 320 }), { maxItems: 16 })

const source = object(
  {
    principals: texts,
    notPrincipals: texts,
    requestPrincipals: texts,
    notRequestPrincipals: texts,
    namespaces: texts,
    notNamespaces: texts,
    serviceAccounts: accounts,
    notServiceAccounts: accounts,
    ipBlocks: texts,
    notIpBlocks: texts,
    remoteIpBlocks: texts,
    notRemoteIpBlocks: texts,
    trustDomains: texts,
    notTrustDomains: texts,
  },
  {
    rules: [
      {
        rule: '!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))',
        message: 'serviceAccounts cannot be set together with principals or namespaces',
      },
    ],
  },
)

const operation = object({
  hosts: texts,
  notHosts: texts,
  ports: texts,
  notPorts: texts,
  methods: texts,
  notMethods: texts,
  paths: texts,
  notPaths: texts,
})

const condition = object({ key: required(string()), values: texts, notValues: texts })

const rule = object({
  from: list(object({ source }), { maxItems: 512, description: 'Any of these sources.' }),
  to: list(object({ operation }), { description: 'Any of these operations.' }),
  when: list(condition, { description: 'All of these conditions.' }),
})

export const authorizationPolicySpec = object(
  {
    ...attachment,
    rules: list(rule, { maxItems: 512, description: 'The policy matches if any rule does; none = it never does.' }),
    action: oneOf(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']),
    provider: object({ name: string() }),
  },
  { atMostOne: [oneAttachment] },
)

export type AuthorizationSource = Static<typeof source>
export type AuthorizationOperation = Static<typeof operation>
export type AuthorizationCondition = Static<typeof condition>
export type AuthorizationRule = Static<typeof rule>
export type AuthorizationPolicySpec = Static<typeof authorizationPolicySpec>
export type AuthorizationPolicy = KubeObject<AuthorizationPolicySpec, Static<typeof istioStatus>>

export const authorizationPolicyKind = defineKind({
  group: security.group,
  categories: security.categories,
  versions: securityVersions,
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  shortNames: ['ap'],
  description: 'Who may call whom.',
  spec: authorizationPolicySpec,
  status: istioStatus,
  printerColumns: [
    { name: 'Action', type: 'string', jsonPath: '.spec.action', description: 'What happens to what matches.' },
  ],
  checkFields: checkAuthorizationPolicy,
})
