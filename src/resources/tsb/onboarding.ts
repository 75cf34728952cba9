// Onboarding of virtual machines: who may join which WorkloadGroup, and who has joined.
import { anyObject, defineKind, keepUnknownFields, list, map, object, type Static, string } from '../dsl.ts'
import { labels, v1alpha1 } from './common.ts'

const selector = object({
  matchLabels: labels,
  matchExpressions: list(object({ key: string(), operator: string(), values: list(string()) })),
})

const workloads = list(
  object(
    {
      jwt: object({
        issuer: string(),
        subjects: list(string(), { description: 'Omitted: any subject of the issuer.' }),
        attributes: list(object({ name: string(), values: list(string()) })),
      }),
      aws: anyObject({ description: 'Identities of AWS; they are not verified, so they allow nobody.' }),
      gcp: anyObject({ description: 'Identities of GCP; they are not verified, so they allow nobody.' }),
    },
    { atMostOne: [['jwt', 'aws', 'gcp']] },
  ),
)

export const onboardingPolicy = defineKind({
  group: 'authorization.onboarding.tetrate.io',
  versions: v1alpha1,
  categories: ['tsb'],
  kind: 'OnboardingPolicy',
  plural: 'onboardingpolicies',
  description: 'Which machines may join WorkloadGroups of this namespace. Without one, none may.',
  spec: keepUnknownFields(
    object({
      allow: list(
        object({
          workloads,
          onboardTo: list(
            object({ workloadGroupSelector: selector }, { description: 'WorkloadGroups of the namespace.' }),
          ),
        }),
      ),
    }),
  ),
  status: object({ errors: list(string()), warnings: list(string()) }),
  checkFields: (root, { spec: value }) =>
    root
      .field('spec')
      .field('allow')
      .each(value?.allow, (at, rule) => {
        if ((rule.workloads ?? []).length === 0) at.field('workloads').error('Required value', 'required')
        if ((rule.onboardTo ?? []).length === 0) at.field('onboardTo').error('Required value', 'required')
        at.field('workloads').each(rule.workloads, (place, workload) => {
          if (workload.jwt !== undefined && !workload.jwt.issuer)
            place.field('jwt').field('issuer').error('Required value', 'required')
        })
      }),
})

export const workloadAutoRegistration = defineKind({
  group: 'runtime.onboarding.tetrate.io',
  versions: v1alpha1,
  categories: ['tsb'],
  kind: 'WorkloadAutoRegistration',
  plural: 'workloadautoregistrations',
  shortNames: ['war'],
  description: 'A machine that has joined a WorkloadGroup; output.',
  spec: keepUnknownFields(
    object({
      workloadGroup: object({ name: string() }),
      identity: anyObject(),
      registration: anyObject(),
    }),
  ),
  status: object({
    conditions: list(
      object({ type: string(), status: string(), reason: string(), message: string(), lastTransitionTime: string() }),
    ),
  }),
  printerColumns: [
    {
      name: 'Agent Connected',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="AgentConnected")].status',
    },
  ],
})

/** Of the agent on a machine: a file there, no object of a cluster. */
export const onboardingConfiguration = object({
  onboardingEndpoint: object({
    host: string(),
    port: string(),
    transportSecurity: anyObject(),
  }),
  workloadGroup: object({ namespace: string(), name: string() }),
  workload: object({ labels: map(string()) }),
  settings: object({ connectedOver: string() }),
})

export type OnboardingPolicySpec = Static<typeof onboardingPolicy.spec>
export type OnboardingConfigurationSpec = Static<typeof onboardingConfiguration>
