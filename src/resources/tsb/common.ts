// Parts that kinds of Tetrate Service Bridge share, and how their specs and statuses are defined.
import {
  boolean,
  type CelRule,
  enumeration,
  int64,
  keepUnknownFields,
  list,
  map,
  type ObjectSchema,
  object,
  required,
  string,
  type TSchema,
} from '../dsl.ts'

export { defineKind } from '../dsl.ts'

export const v2 = [{ name: 'v2', storage: true }] as const
export const v1alpha1 = [{ name: 'v1alpha1', storage: true }] as const

export const labels = map(string())

/** What the spec of every kind may carry. What the server sets is taken from files too, and ignored or compared. */
export const envelope = {
  displayName: string(),
  description: string(),
  fqn: string({ description: 'Full name of the object; output. If given, it must be the right one.' }),
  etag: string({ description: 'State that a change is based on; if given and not the current one, it is a conflict.' }),
  configGenerationMetadata: object(
    { labels, annotations: labels },
    { description: 'Labels and annotations for the Istio objects that are made.' },
  ),
} as const

type Fields = Readonly<Record<string, TSchema>>

/** The spec of a kind. Unknown fields are kept: they are told of, and come back when the object is read. */
export function spec<F extends Fields>(
  fields: F,
  options: { readonly rules?: readonly CelRule[]; readonly description?: string } = {},
): ObjectSchema<typeof envelope & F> {
  return keepUnknownFields(object({ ...envelope, ...fields }, options))
}

/** Names of config profiles that are attached, by full name. */
export const profiles = list(string(), { description: 'Full names of profiles; they have no effect yet.' })

export const deletionProtectionEnabled = boolean({
  description: 'The object cannot be deleted as long as this is true.',
})

export const securityDomain = string({
  description:
    'organizations/ORGANIZATION/securitydomains/NAME, for rules of authorization; an ancestor’s cannot be changed.',
})

export const stringMatch = object(
  { exact: string(), prefix: string(), regex: string() },
  { atMostOne: [['exact', 'prefix', 'regex']] },
)

export const namespaceSelector = object(
  {
    names: required(
      list(string(), { description: 'CLUSTER/NAMESPACE each; "*" for all, and a prefix (ns*) of the namespace.' }),
    ),
  },
  { description: 'What is owned: namespaces in clusters.' },
)

/** Of workspaces and groups. The second field is the form of old samples. */
export const namespaceFields = {
  namespaceSelector,
  namespaceSelectors: list(object({ name: string() }), { description: 'Old form of namespaceSelector.' }),
} as const

export const namespaceRule: CelRule = {
  rule: 'has(self.namespaceSelector) || has(self.namespaceSelectors)',
  message: 'namespaceSelector: Required value',
}

export const workloadSelector = object(
  { namespace: required(string()), labels: required(labels) },
  { description: 'Pods of the gateway.' },
)

const event = object({
  etag: string(),
  timestamp: string(),
  type: enumeration([
    'TSB_ACCEPTED',
    'MPC_ACCEPTED',
    'XCP_ACCEPTED',
    'XCP_APPLIED',
    'XCP_REJECTED',
    'MPC_FAILED',
    'XCP_ERRORED',
    'XCP_PARTIALLY_APPLIED',
    'XCP_IGNORED',
    'XCP_UNKNOWN',
    'MPC_DIRTY',
  ]),
  message: string(),
})

export const resourceStatus = ['ACCEPTED', 'READY', 'PARTIAL', 'DIRTY', 'FAILED'] as const

/** The status of every kind; `tctl x status` shows it as a ResourceStatus. */
export const status = object({
  observedGeneration: int64('Generation of the object that this status is about.'),
  status: enumeration(resourceStatus, 'ACCEPTED: valid and stored; READY: in force in every cluster that it is for.'),
  message: string({ description: 'What is wrong, if something is.' }),
  errors: list(string()),
  warnings: list(string()),
  configEvents: object({ events: list(event, { description: 'Newest first.' }) }),
  aggregatedStatus: object({
    children: map(object({ status: enumeration(resourceStatus), message: string() }), { description: 'By full name.' }),
  }),
})

const annotation = (name: string): string => `.metadata.annotations.tsb\\.tetrate\\.io/${name}`

export const statusColumn = { name: 'Status', type: 'string', jsonPath: '.status.status' } as const
export const tenantColumn = { name: 'Tenant', type: 'string', jsonPath: annotation('tenant') } as const
export const workspaceColumn = { name: 'Workspace', type: 'string', jsonPath: annotation('workspace') } as const
