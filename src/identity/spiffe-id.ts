/** An identity of a workload as Istio writes it: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface SpiffeId {
  readonly trustDomain: string
  readonly namespace: string
  readonly serviceAccount: string
}

/** The parts of a SPIFFE id in Istio's form; undefined for anything else. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  const match = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(text)
  if (!match?.[1] || !match[2] || !match[3]) return undefined
  return { trustDomain: match[1], namespace: match[2], serviceAccount: match[3] }
}

export function formatSpiffeId(id: SpiffeId): string {
  return `spiffe://${id.trustDomain}/ns/${id.namespace}/sa/${id.serviceAccount}`
}
