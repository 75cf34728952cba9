// What DNS names of gateways stand for: as somebody found out, else as it was known last. What was known is written
// down, so that neither a restart nor a name server that is away takes endpoints from anybody.
import { asTexts, at, type ClusterFacts, type ClusterObject, ownerLabel } from '../shared/index.ts'
import type { Resolved } from './east-west-gateways.ts'
import { dialectId, multiclusterNamespace } from './written.ts'

/** Name of the ConfigMap on the management cluster: DNS names, each with its addresses. */
export const nameRecord = 'fairlead-gateway-names'

/** Addresses of names, with those of the record where nobody knows better. */
export function withRecord(management: ClusterFacts, resolved: Resolved): Resolved {
  const data = asTexts(at(management.object('/ConfigMap', `${multiclusterNamespace}/${nameRecord}`), 'data'))
  return (name) => {
    const known = resolved(name)
    if (known !== undefined && known.length > 0) return known
    const recorded = (data[name] ?? '').split(',').filter((address) => address !== '')
    return recorded.length > 0 ? recorded : undefined
  }
}

/** The record of these names, for the next time. */
export function recordOfNames(management: string, names: readonly string[], resolved: Resolved): ClusterObject[] {
  const data = Object.fromEntries(
    names.flatMap((name) => {
      const addresses = resolved(name) ?? []
      return addresses.length === 0 ? [] : [[name, addresses.join(',')]]
    }),
  )
  if (Object.keys(data).length === 0) return []
  const metadata = { name: nameRecord, namespace: multiclusterNamespace, labels: { [ownerLabel]: dialectId } }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }
  return [{ cluster: management, object }]
}
