/**
 * Every problem code, with the one sentence that the reference page and `fairlead lint` show for it.
 * Codes are part of the interface: add, never rename.
 */
export const codes = {
  'yaml-syntax': 'The document is not valid YAML.',
  'duplicate-key': 'A key occurs twice in one mapping; only the last would count.',
  'not-an-object': 'The document is not a Kubernetes object (apiVersion, kind and metadata.name are needed).',
  'unknown-kind': 'Fairlead does not know this kind.',
  'unknown-field': 'The kind has no such field.',
  'wrong-type': 'The value has the wrong type.',
  'invalid-value': 'The value is not allowed here.',
  required: 'A required field is missing.',
  'reference-not-found': 'The object refers to something that does not exist.',
  conflict: 'Another object already decides this field; both owners are named.',
  'not-allowed': 'The object says something that is not its author’s to say.',
  'not-supported': 'Fairlead does not support this field or kind; it has no effect.',
  'no-effect': 'The field has no effect in this place.',
  'version-dependent': 'The object relies on details that may change with any version.',
  'keys-not-available': 'Keys of a token issuer cannot be fetched from where the object says they are.',
  'no-try-timeout':
    'No timeout for a single try is set: an endpoint that is frozen is not noticed, and requests to it wait until their callers give up.',
  'rejected-by-proxy':
    'Envoy refuses what is made from the object; proxies go on with what they had before, and a host that they never had answers 503.',
} as const

export type Code = keyof typeof codes
