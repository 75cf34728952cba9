import type { Member } from '../clusters/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ClusterRow } from './cluster-rows.ts'

/** On a registration: uid of the cluster that it led to when it was last seen. */
export const uidAnnotation = 'fairlead.dev/cluster-uid'

export function rowOf(rows: readonly ClusterRow[], name: string): ClusterRow | undefined {
  return rows.find((row) => row.name === name || row.aliases.includes(name))
}

export function seenUid({ registration }: Member): string | undefined {
  return registration?.metadata.annotations?.[uidAnnotation]
}

export function seenMark(member: Member, row: ClusterRow | undefined): KubeObject[] {
  const { registration } = member
  if (registration === undefined || row?.uid === undefined || !row.isKnown || seenUid(member) === row.uid) return []
  const { apiVersion, kind, metadata } = registration
  const { name, namespace } = metadata
  const annotations = { [uidAnnotation]: row.uid }
  return [{ apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }), annotations } }]
}
