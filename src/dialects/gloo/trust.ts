// Shared trust: the root certificate on the management cluster; in each member that has an agent, the certificate that
// it is to get and the pods that are to restart then.
import type { IssuedCertificateSpec, PodBounceDirectiveSpec } from '../../resources/gloo/index.ts'
import { objectsOf } from '../../resources/index.ts'
import {
  asText,
  at,
  type ClusterObject,
  compact,
  type Dialect,
  type GroupOutcome,
  type Mesh,
  type Outcome,
  ownerLabel,
  type ReadContext,
  type Trust,
  trustFailures,
} from '../shared/index.ts'

const apiVersion = 'certificates.mesh.gloo.solo.io/v1'
const issuedSecret = 'cacerts'
const rootKey = 'root-cert.pem'
const rootConfigMap = 'istio-ca-root-cert'

/** Certificates that the members are to have. A member without an agent has nobody who could fetch one. */
export function certificateObjects({ group }: GroupOutcome, outcome: Outcome): ClusterObject[] {
  if (group?.virtualMesh.trust === undefined) return []
  const { virtualMesh } = group
  const { trust, dialect } = virtualMesh
  return group.members.flatMap((mesh) => {
    if (mesh.agentNamespace === undefined || trust === undefined) return []
    const metadata = {
      name: mesh.object.name,
      namespace: mesh.agentNamespace,
      labels: { ...dialect.labels(mesh.cluster), [ownerLabel]: dialect.id },
      annotations: dialect.parents([virtualMesh.object]),
    }
    const place = { name: mesh.object.name, namespace: mesh.agentNamespace }
    const pods = trust.autoRestartPods ? podsToBounce(mesh, trust, group.gateways.get(mesh.key) ?? [], outcome) : []
    const spec = issuedCertificate(mesh, trust, pods.length > 0 ? place : undefined)
    const made: ClusterObject[] = [
      { cluster: mesh.cluster, object: { apiVersion, kind: 'IssuedCertificate', metadata, spec } },
    ]
    if (pods.length > 0)
      made.push({
        cluster: mesh.cluster,
        object: { apiVersion, kind: 'PodBounceDirective', metadata, spec: { podsToBounce: pods } },
      })
    return made
  })
}

function issuedCertificate(
  mesh: Mesh,
  { root, intermediate }: Trust,
  bounce: { name: string; namespace: string } | undefined,
): IssuedCertificateSpec {
  const host = `spiffe://${mesh.trustDomain || 'cluster.local'}/ns/${mesh.namespace}/sa/${mesh.serviceAccount || 'istio-citadel'}`
  const signing = root.kind === 'vault' ? undefined : { ...root.secret }
  return compact({
    hosts: [host],
    org: intermediate.organization,
    certOptions: {
      ttlDays: intermediate.ttlDays,
      rsaKeySizeBytes: intermediate.keyBits ?? 4096,
      orgName: intermediate.organization,
      secretRotationGracePeriodRatio: intermediate.renewRatio,
    },
    ...(signing && {
      signingCertificateSecret: signing,
      glooMeshCa: { signingCertificateSecret: signing },
      issuedCertificateSecret: { name: issuedSecret, namespace: mesh.namespace },
    }),
    ...(root.kind === 'vault' && { agentCa: { vault: root.vault } }),
    ...(bounce && { podBounceDirective: bounce }),
  })
}

type PodSelector = NonNullable<PodBounceDirectiveSpec['podsToBounce']>[number]

/** In order: the control plane, then gateways, then workloads, each once the new root has reached its namespace. */
function podsToBounce(
  mesh: Mesh,
  { root }: Trust,
  gateways: readonly { readonly selector: Readonly<Record<string, string>> }[],
  { fleet }: Outcome,
): PodSelector[] {
  const sync = (namespace: string): Pick<PodSelector, 'rootCertSync'> => ({
    rootCertSync: {
      secretRef: { name: issuedSecret, namespace: mesh.namespace },
      secretKey: rootKey,
      configMapRef: { name: rootConfigMap, namespace },
      configMapKey: rootKey,
    },
  })
  // With Vault the agent issues by itself, and istiod keeps running.
  const control: PodSelector[] =
    root.kind === 'vault' ? [] : [{ namespace: mesh.namespace, labels: { ...mesh.podLabels }, waitForReplicas: 1 }]
  const named =
    mesh.namedGateways.length > 0
      ? mesh.namedGateways.map(({ workloadLabels }) => workloadLabels)
      : gateways.map(({ selector }) => selector)
  const entrances = named.map((labels) => ({
    namespace: mesh.namespace,
    labels: { ...labels },
    ...sync(mesh.namespace),
  }))
  const workloads = fleet.workloads
    .filter(
      (workload) =>
        workload.mesh.key === mesh.key &&
        !named.some((labels) => Object.entries(labels).every(([k, v]) => workload.labels[k] === v)),
    )
    .map(({ ref, labels }) => ({ namespace: ref.namespace, labels: { ...labels }, ...sync(ref.namespace) }))
  return [...control, ...entrances, ...workloads]
}

/** The Secret of a generated root, with its keys and no values: whoever keeps keys fills them in, once. */
export function rootSecret({ group }: GroupOutcome, dialect: Dialect, management: string): ClusterObject[] {
  const root = group?.virtualMesh.trust?.root
  if (group === undefined || root?.kind !== 'generated') return []
  const metadata = {
    ...root.secret,
    labels: { ...dialect.labels(management), [ownerLabel]: dialect.id },
    annotations: dialect.parents([group.virtualMesh.object]),
  }
  const data = Object.fromEntries(root.secretKeys.map((key) => [key, '']))
  return [
    {
      cluster: management,
      object: { apiVersion: 'v1', kind: 'Secret', metadata, type: root.secretType, data } as ClusterObject['object'],
    },
  ]
}

/** Why the members cannot get certificates. */
export function trustErrors(outcome: GroupOutcome, context: ReadContext): string[] {
  return [...secretErrors(outcome, context), ...trustFailures(outcome, context)]
}

function secretErrors({ virtualMesh }: GroupOutcome, { snapshot, management }: ReadContext): string[] {
  const root = virtualMesh.trust?.root
  if (root?.kind !== 'provided') return []
  const { name, namespace } = root.secret
  if (name === '' || namespace === '') return []
  const secret = objectsOf(snapshot.clusters.get(management), '/Secret').get(`${namespace}/${name}`)
  if (secret === undefined) return [`Secret ${name}.${namespace} with the root certificate not found`]
  const data = { ...(at(secret, 'data') as object | undefined), ...(at(secret, 'stringData') as object | undefined) }
  const has = (...keys: readonly string[]): boolean => keys.some((key) => asText(at(data, key)) !== '')
  const missing = [
    ...(has('root-cert.pem') ? [] : ['root-cert.pem']),
    ...(has('ca-key.pem', 'key.pem') ? [] : ['ca-key.pem']),
  ]
  return missing.length === 0 ? [] : [`Secret ${name}.${namespace} has no ${missing.join(' and no ')}`]
}
