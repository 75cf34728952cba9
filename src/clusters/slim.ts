import type { KubeObject } from '../resources/index.ts'

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * The object without what nobody reads and what takes half of its memory: `managedFields`, and kubectl's copy of the
 * whole object in an annotation. Changes the object in place: it has just been parsed, and is nobody else's yet.
 */
export function slim(object: KubeObject): KubeObject {
  const { metadata } = object
  if (metadata.managedFields !== undefined) delete metadata.managedFields
  if (metadata.annotations !== undefined && lastApplied in metadata.annotations) {
    delete metadata.annotations[lastApplied]
    if (Object.keys(metadata.annotations).length === 0) delete metadata.annotations
  }
  return object
}
