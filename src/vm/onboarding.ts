// Onboarding as Tetrate Service Bridge has it: a machine shows a token of an issuer that the ControlPlane trusts, and an
// OnboardingPolicy of the namespace says which WorkloadGroups it may join. Pure.
import { matchesSelector } from '../lib/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { WorkloadGroup } from '../resources/istio/index.ts'
import type { OnboardingPolicySpec } from '../resources/tsb/index.ts'

/** Who a machine has proved to be. */
export interface MachineIdentity {
  readonly issuer: string
  readonly subject: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Whose tokens are trusted, as a ControlPlane says it. */
export interface TokenIssuer {
  readonly issuer: string
  readonly shortName: string
  /** JSON Web Key Set, or where it is. */
  readonly jwks: string | undefined
  readonly jwksUri: string | undefined
  /** Path of the attributes in the token: `.custom_attributes`. */
  readonly attributesPath: string
}

type Claims = Readonly<Record<string, unknown>>

/** The issuers that ControlPlanes trust. */
export function tokenIssuersOf(controlPlanes: readonly KubeObject[]): TokenIssuer[] {
  return controlPlanes.flatMap(({ spec }) => {
    const path = ['meshExpansion', 'onboarding', 'workloads', 'authentication', 'jwt', 'issuers']
    const issuers = path.reduce<unknown>((value, key) => field(value, key), spec)
    return (Array.isArray(issuers) ? issuers : []).map((each) => ({
      issuer: text(field(each, 'issuer')),
      shortName: text(field(each, 'shortName')),
      jwks: text(field(each, 'jwks')) || undefined,
      jwksUri: text(field(each, 'jwksUri')) || undefined,
      attributesPath: text(field(field(field(each, 'tokenFields'), 'attributes'), 'jsonPath')),
    }))
  })
}

/** Who the claims of a verified token are of. */
export function identityOf(claims: Claims, { issuer, attributesPath }: TokenIssuer): MachineIdentity {
  const path = attributesPath.split('.').filter((part) => part !== '' && part !== '$')
  const found = path.length === 0 ? undefined : path.reduce<unknown>(field, claims)
  const attributes = Object.entries(typeof found === 'object' && found !== null ? found : {})
  return {
    issuer,
    subject: text(claims['sub']),
    attributes: Object.fromEntries(attributes.map(([name, value]) => [name, String(value)])),
  }
}

/** Whether a policy of the group's own namespace lets the machine join; without one nobody may. */
export function mayJoin(policies: readonly KubeObject[], group: WorkloadGroup, machine: MachineIdentity): boolean {
  const { namespace = 'default', labels = {} } = group.metadata
  return policies
    .filter(({ metadata }) => (metadata.namespace ?? 'default') === namespace)
    .flatMap(({ spec }) => (spec as OnboardingPolicySpec | undefined)?.allow ?? [])
    .some(
      ({ workloads = [], onboardTo = [] }) =>
        workloads.some(({ jwt }) => jwt !== undefined && isMeant(jwt, machine)) &&
        onboardTo.some(({ workloadGroupSelector }) => matchesSelector(workloadGroupSelector, labels)),
    )
}

type Allowed = NonNullable<OnboardingPolicySpec>['allow']
type JwtRule = NonNullable<NonNullable<NonNullable<Allowed>[number]['workloads']>[number]['jwt']>

function isMeant({ issuer, subjects = [], attributes = [] }: JwtRule, machine: MachineIdentity): boolean {
  if (issuer !== machine.issuer) return false
  if (subjects.length > 0 && !subjects.includes(machine.subject)) return false
  return attributes.every(({ name = '', values = [] }) => values.includes(machine.attributes[name] ?? ''))
}

/** The record of a machine that has joined. Of one that joins again it is the same one. */
export function autoRegistration(
  group: WorkloadGroup,
  machine: MachineIdentity,
  { shortName, address }: { readonly shortName: string; readonly address: string | undefined },
): KubeObject {
  const { name, namespace = 'default' } = group.metadata
  const who = machine.subject
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
  return {
    apiVersion: 'runtime.onboarding.tetrate.io/v1alpha1',
    kind: 'WorkloadAutoRegistration',
    metadata: { name: [name, 'jwt', shortName, who].filter((part) => part !== '').join('-'), namespace },
    spec: {
      workloadGroup: { name },
      identity: { jwt: { issuer: machine.issuer, subject: machine.subject, attributes: machine.attributes } },
      registration: { ...(address !== undefined && { address }) },
    },
  }
}

/** The group with labels that the machine adds; they cannot take the place of the group's own. */
export function withLabels(group: WorkloadGroup, labels: Readonly<Record<string, string>>): WorkloadGroup {
  const { spec } = group
  if (spec === undefined) return group
  return {
    ...group,
    spec: { ...spec, metadata: { ...spec.metadata, labels: { ...labels, ...spec.metadata?.labels } } },
  }
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Claims)[key] : undefined
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
