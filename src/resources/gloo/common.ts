// Parts that several kinds of Gloo Mesh share (common.mesh.gloo.solo.io).
import {
  boolean,
  defineKind,
  enumeration,
  int64,
  keepUnknownFields,
  list,
  map,
  object,
  string,
  uint32,
} from '../dsl.ts'

/** The spec of a kind. Unknown fields are kept, so that the status can tell of them. */
export const spec: typeof object = (fields, options) => keepUnknownFields(object(fields, options))

export { defineKind }

/** The open-source groups: v1, and v1alpha2 of the releases before. */
export const bothVersions = [{ name: 'v1', storage: true }, { name: 'v1alpha2' }] as const
export const v1 = [{ name: 'v1', storage: true }] as const
export const v1alpha2 = [{ name: 'v1alpha2', storage: true }] as const
export const v1beta1 = [{ name: 'v1beta1', storage: true }] as const

export const labels = map(string())

export const objectRef = (description?: string) =>
  object({ name: string(), namespace: string() }, description === undefined ? {} : { description })

export const clusterObjectRef = (description?: string) =>
  object(
    { name: string(), namespace: string(), clusterName: string() },
    description === undefined ? {} : { description },
  )

export const destinationSelector = object({
  kubeServiceMatcher: object({ labels, namespaces: list(string()), clusters: list(string()) }),
  kubeServiceRefs: object({ services: list(clusterObjectRef()) }),
})
export const destinationSelectors = list(destinationSelector, { description: 'Services, any of; omitted: all.' })

export const workloadSelectors = list(
  object({ kubeWorkloadMatcher: object({ labels, namespaces: list(string()), clusters: list(string()) }) }),
  { description: 'Calling workloads, any of; omitted: all.' },
)

export const identitySelectors = list(
  object({
    kubeIdentityMatcher: object({ namespaces: list(string()), clusters: list(string()) }),
    kubeServiceAccountRefs: object({ serviceAccounts: list(clusterObjectRef()) }),
    requestIdentityMatcher: object({ requestPrincipals: list(string()), notRequestPrincipals: list(string()) }),
  }),
  { description: 'Callers by identity, any of; omitted: anybody.' },
)

export const ingressGatewaySelectors = list(
  object({ destinationSelectors: list(destinationSelector), portName: string({ description: 'Omitted: tls.' }) }),
)

export const appliedIngressGateways = list(
  object({
    destinationRef: objectRef(),
    externalAddresses: list(string()),
    port: uint32(),
    externalPort: uint32(),
  }),
)

export const objectSelector = object({
  namespaces: list(string(), { description: 'Omitted: that of the selecting object; "*": all.' }),
  labels,
  expressions: list(
    object({
      key: string(),
      operator: enumeration([
        'Equals',
        'DoubleEquals',
        'NotEquals',
        'In',
        'NotIn',
        'Exists',
        'DoesNotExist',
        'GreaterThan',
        'LessThan',
      ]),
      values: list(string()),
    }),
  ),
})

export const stringMatch = object(
  { exact: string(), prefix: string(), regex: string(), suffix: string(), ignoreCase: boolean() },
  { atMostOne: [['exact', 'prefix', 'regex', 'suffix']] },
)

export const approvalState = enumeration(['PENDING', 'ACCEPTED', 'INVALID', 'FAILED'])

/** State of an object with regard to one other. */
export const approvalStatus = object({
  acceptanceOrder: uint32(),
  state: approvalState,
  errors: list(string()),
  warnings: list(string()),
})

export const observedGeneration = int64('Generation of the object that this status is about.')

/** What every status of a user's object has. */
export const commonStatus = {
  observedGeneration,
  state: approvalState,
  errors: list(string()),
  warnings: list(string()),
}

export const stateColumn = { name: 'State', type: 'string', jsonPath: '.status.state' } as const
