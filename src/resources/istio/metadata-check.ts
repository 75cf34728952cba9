import type { Place } from '../check.ts'
import type { KindDefinition } from '../kind.ts'

const dryRun = 'istio.io/dry-run'

/** Annotations by which Istio's own parts speak to each other. */
const internal = [
  'internal.istio.io/webhook-always-reject',
  'internal.istio.io/parent-namespace',
  'internal.istio.io/parents',
]

/** The kind, with what Istio asks of the metadata of all its kinds. */
export function withMetadataCheck(kind: KindDefinition): KindDefinition {
  return {
    ...kind,
    checkFields: (root, object) => {
      checkAnnotations(root.field('metadata').field('annotations'), object.metadata.annotations ?? {}, kind.kind)
      kind.checkFields(root, object)
    },
  }
}

function checkAnnotations(place: Place, annotations: Readonly<Record<string, string>>, kind: string): void {
  if (kind !== 'AuthorizationPolicy' && annotations[dryRun] !== undefined)
    place.field(dryRun).error('is for AuthorizationPolicies only')
  for (const name of internal) if (annotations[name] !== undefined) place.field(name).error('cannot be set by users')
}
