// Shared trust: the root certificate on the management cluster, and a request for an intermediate one in each member.
import { objectsOf } from '../../resources/index.ts'
import type { CertificateSigningRequestSpec } from '../../resources/zephyr/index.ts'
import { type ClusterObject, type GroupOutcome, ownerLabel, type ReadContext, trustFailures } from '../shared/index.ts'
import { managementNamespace } from './dialect.ts'

/** Requests for certificates, one for each member, on its cluster. The agent there adds the key's request. */
export function signingRequests({ group }: GroupOutcome): ClusterObject[] {
  if (group?.virtualMesh.trust === undefined) return []
  const { object, trust } = group.virtualMesh
  return group.members.map((mesh) => {
    const spec: CertificateSigningRequestSpec = {
      certConfig: {
        hosts: [
          `spiffe://${mesh.trustDomain || 'cluster.local'}/ns/${mesh.namespace}/sa/${mesh.serviceAccount || 'istio-citadel'}`,
        ],
        org: trust?.intermediate.organization ?? 'Istio',
        meshType: 'ISTIO',
      },
      virtualMeshRef: { name: object.name, namespace: object.namespace },
    }
    const metadata = {
      name: `istio-${object.name}-cert-request`,
      namespace: managementNamespace,
      labels: { [ownerLabel]: 'smh' },
    }
    const request = {
      apiVersion: 'security.zephyr.solo.io/v1alpha1',
      kind: 'VirtualMeshCertificateSigningRequest',
      metadata,
      spec,
    }
    return { cluster: mesh.cluster, object: request }
  })
}

/** The Secret of a generated root, with its keys and no values: whoever keeps keys fills them in, once. */
export function rootSecret({ group }: GroupOutcome, management: string): ClusterObject[] {
  const root = group?.virtualMesh.trust?.root
  if (root?.kind !== 'generated') return []
  const metadata = { ...root.secret, labels: { [ownerLabel]: 'smh' } }
  const data = Object.fromEntries(root.secretKeys.map((key) => [key, '']))
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: root.secretType, data }
  return [{ cluster: management, object: secret }]
}

/** Why the members cannot get certificates; undefined if they can. */
export function trustError(outcome: GroupOutcome, context: ReadContext): string | undefined {
  return secretError(outcome, context) ?? trustFailures(outcome, context)[0]
}

function secretError({ virtualMesh }: GroupOutcome, { snapshot, management }: ReadContext): string | undefined {
  const root = virtualMesh.trust?.root
  if (root?.kind !== 'provided') return undefined
  const { name, namespace } = root.secret
  const found = objectsOf(snapshot.clusters.get(management), '/Secret').has(`${namespace}/${name}`)
  return found ? undefined : `Secret ${namespace}/${name} with the root certificate not found`
}
