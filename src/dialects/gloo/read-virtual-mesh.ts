// VirtualMesh of Gloo Mesh → the model.

import { type VirtualMeshSpec, virtualMesh } from '../../resources/gloo/index.ts'
import { type KubeObject, readKind } from '../../resources/index.ts'
import type { AccessDefault, FederationRule, RootAuthority, Trust, VirtualMesh } from '../shared/index.ts'
import { defaultSuffix, type FederationSettings } from './dialect.ts'
import { gatewayPort } from './east-west-gateway.ts'
import { plainRef, type Source, serviceSelectors, userObject } from './read-policies.ts'

const accessDefaults: Readonly<Record<string, AccessDefault>> = { ENABLED: 'deny', DISABLED: 'allow' }

/** A VirtualMesh, and what only Gloo Mesh says of federation. */
export interface ReadVirtualMesh {
  readonly virtualMesh: VirtualMesh
  readonly settings: FederationSettings
  readonly rotation: boolean
}

export function readVirtualMesh(object: KubeObject, source: Source): ReadVirtualMesh {
  const { spec, problems } = readKind(virtualMesh, object, source.cluster)
  const { federation = {}, mtlsConfig } = spec
  const selectors = federation.ingressGatewaySelectors ?? federation.eastWestIngressGatewaySelectors ?? []
  return {
    virtualMesh: {
      ...userObject(object, source, problems, 'meshes'),
      members: (spec.meshes ?? []).map(plainRef),
      trust: trustOf(spec, object, source),
      federation: federationOf(spec, object),
      access: accessDefaults[spec.globalAccessPolicy ?? ''] ?? 'mesh-default',
    },
    settings: {
      hostnameSuffix: federation.hostnameSuffix || defaultSuffix,
      gatewaySelectors: selectors.map(({ destinationSelectors, portName }) => ({
        services: serviceSelectors(destinationSelectors),
        portName: portName || gatewayPort,
      })),
    },
    rotation: mtlsConfig?.rotationVerificationMethod?.manual !== undefined,
  }
}

const everything = { services: [], meshes: [] }

/** Before v1 a VirtualMesh federated everything; since then only what it says. */
function federationOf({ federation }: VirtualMeshSpec, { apiVersion }: KubeObject): FederationRule | undefined {
  const { selectors = [], permissive, flatNetwork = false, tcpKeepalive } = federation ?? {}
  const isOld = apiVersion.endsWith('/v1alpha2')
  const said = selectors.map(({ destinationSelectors, meshes = [] }) => ({
    services: serviceSelectors(destinationSelectors),
    meshes: meshes.map(plainRef),
  }))
  const all = said.length > 0 ? said : permissive !== undefined || isOld ? [everything] : []
  if (federation === undefined && !isOld) return undefined
  return { selectors: all, flatNetwork, keepalive: tcpKeepalive }
}

function trustOf({ mtlsConfig }: VirtualMeshSpec, object: KubeObject, source: Source): Trust | undefined {
  const shared = mtlsConfig?.shared
  if (shared === undefined) return undefined
  const root = rootOf(shared, object, source)
  if (root === undefined) return undefined
  const { ttlDays, rsaKeySizeBytes, orgName, secretRotationGracePeriodRatio } = shared.intermediateCertOptions ?? {}
  return {
    root,
    intermediate: {
      ttlDays: ttlDays || 365,
      keyBits: rsaKeySizeBytes || undefined,
      organization: orgName || 'Istio',
      renewRatio: secretRotationGracePeriodRatio || 0.1,
    },
    autoRestartPods: mtlsConfig?.autoRestartPods ?? false,
  }
}

type Shared = NonNullable<NonNullable<VirtualMeshSpec['mtlsConfig']>['shared']>

function rootOf(
  { rootCertificateAuthority: root, intermediateCertificateAuthority: intermediate }: Shared,
  { metadata }: KubeObject,
  { dialect }: Source,
): RootAuthority | undefined {
  if (intermediate?.vault !== undefined) return { kind: 'vault', vault: intermediate.vault }
  if (root?.secret !== undefined) return { kind: 'provided', secret: plainRef(root.secret) }
  if (root?.generated === undefined) return undefined
  const { ttlDays, rsaKeySizeBytes, orgName } = root.generated
  return {
    kind: 'generated',
    secret: { name: `${metadata.name}.${metadata.namespace}`, namespace: dialect.managementNamespace },
    secretType: 'certificates.mesh.gloo.solo.io/generated_signing_cert',
    secretKeys: ['root-cert.pem', 'ca-cert.pem', 'ca-key.pem', 'cert-chain.pem'],
    ttlDays: ttlDays || 365,
    keyBits: rsaKeySizeBytes || 4096,
    organization: orgName || 'gloo-mesh',
  }
}
