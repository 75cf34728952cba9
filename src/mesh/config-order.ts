import { compareText } from '../lib/index.ts'
import type { KubeObject } from '../resources/index.ts'

/** Age decides between rules that collide: oldest first, then by name, then by namespace. */
export function compareConfigAge(a: KubeObject, b: KubeObject): number {
  return (
    compareText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compareText(a.metadata.name, b.metadata.name) ||
    compareText(a.metadata.namespace ?? '', b.metadata.namespace ?? '')
  )
}
