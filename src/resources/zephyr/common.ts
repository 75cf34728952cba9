// Parts that several kinds of Service Mesh Hub's API share. All groups end in `.zephyr.solo.io`, version v1alpha1.
import { enumeration, int64, keepUnknownFields, list, map, object, string } from '../dsl.ts'

export const versions = [{ name: 'v1alpha1', storage: true }] as const

/** The spec of a kind. Unknown fields are kept, as by the original's CRDs, and told of in the status. */
export const spec: typeof object = (fields, options) => keepUnknownFields(object(fields, options))

export const labels = map(string())

export const resourceRef = (description?: string) =>
  object({ name: string(), namespace: string(), cluster: string() }, description === undefined ? {} : { description })

export const serviceSelector = object(
  {
    matcher: object({ labels, namespaces: list(string()), clusters: list(string()) }),
    serviceRefs: object({ services: list(resourceRef()) }),
  },
  { atMostOne: [['matcher', 'serviceRefs']], description: 'Services, by labels or by name; omitted: all.' },
)

export const workloadSelector = object(
  { labels, namespaces: list(string()) },
  { description: 'Calling pods; omitted: all.' },
)

export const identitySelector = object(
  {
    matcher: object({ namespaces: list(string()), clusters: list(string()) }),
    serviceAccountRefs: object({ serviceAccounts: list(resourceRef()) }),
  },
  { atMostOne: [['matcher', 'serviceAccountRefs']], description: 'Callers by identity; omitted: anybody with one.' },
)

export const httpMethod = enumeration(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

export const stringMatch = object(
  { exact: string(), prefix: string(), regex: string() },
  { atMostOne: [['exact', 'prefix', 'regex']] },
)

/** What a part of a status says. */
export const computedStatus = object({
  state: enumeration(['UNKNOWN', 'ACCEPTED', 'INVALID', 'PROCESSING_ERROR', 'CONFLICT']),
  message: string(),
})

export const translatorErrors = list(object({ translatorId: string(), errorMessage: string() }))

export const observedGeneration = int64('Generation of the object that this status is about.')
