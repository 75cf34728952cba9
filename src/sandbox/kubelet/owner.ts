import type { Pod } from './types.ts'

/** Name of the Deployment (or whatever else made it) that a pod belongs to; its own if nothing did. */
export function workloadNameOf({ metadata }: Pod): string {
  const { name, labels = {}, ownerReferences = [] } = metadata
  const owner = ownerReferences.find((reference) => reference.controller)
  if (!owner) return name
  const hash = labels['pod-template-hash']
  const ofDeployment = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)
  return ofDeployment ? owner.name.slice(0, -hash.length - 1) : owner.name
}
