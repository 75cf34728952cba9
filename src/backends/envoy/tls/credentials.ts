import { create } from '@bufbuild/protobuf'
import type { DataSourceSchema } from '#gen/envoy/config/core/v3/base_pb.js'
import { type Secret, SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import type { Query, World } from '../../../discovery/index.ts'
import { type KubeObject, refOf } from '../../../resources/index.ts'
import type { Built } from '../built.ts'
import type { Init } from '../proto.ts'
import { authoritySuffix, filePrefixes, systemRoots } from './secrets.ts'

// Secrets that settings name: certificates and authorities in Kubernetes Secrets of the proxy's own namespace, and in files
// of its machine, of which only the paths are told.

export interface CredentialKey {
  /** Where the proxy is: nobody else's secrets are looked at. */
  readonly cluster: string
  readonly namespace: string
  /** On the wire. */
  readonly name: string
}

/** A secret by its name on the wire; undefined while there is none, so that the proxy waits for it. */
export const credential: Query<CredentialKey, Built<Secret> | undefined> = {
  name: 'envoy/credential',
  keyOf: ({ cluster, namespace, name }) => `${cluster}|${namespace}|${name}`,
  compute: (world, key) => {
    const { name } = key
    const file = fileSecret(name)
    if (file) return { resource: create(SecretSchema, { name, ...file }), origin: [] }
    const reference = /^(?:kubernetes|configmap):\/\/(?:([^/]+)\/)?([^/]+)$/.exec(name)
    const [, namespace = key.namespace, object = ''] = reference ?? []
    if (!reference || namespace !== key.namespace) return undefined
    if (name.startsWith('configmap:')) return authorityIn(world, key, '/ConfigMap', withoutSuffix(object))
    if (!object.endsWith(authoritySuffix)) return certificateIn(world, key, object)
    return authorityIn(world, key, '/Secret', object) ?? authorityIn(world, key, '/Secret', withoutSuffix(object))
  },
}

type SecretInit = Pick<Init<typeof SecretSchema>, 'type'>
type Source = Init<typeof DataSourceSchema>

function withoutSuffix(name: string): string {
  return name.endsWith(authoritySuffix) ? name.slice(0, -authoritySuffix.length) : name
}

/** Where most systems keep the authorities that they trust. */
const systemRootsFile = '/etc/ssl/certs/ca-certificates.crt'

function fileSecret(name: string): SecretInit | undefined {
  const at = (filename: string): Source => ({ specifier: { case: 'filename', value: filename } })
  if (name.startsWith(filePrefixes.root)) {
    const file = name.slice(filePrefixes.root.length)
    const trustedCa = at(file === systemRoots ? systemRootsFile : file)
    return { type: { case: 'validationContext', value: { trustedCa } } }
  }
  if (!name.startsWith(filePrefixes.certificate)) return undefined
  const [certificate = '', key = ''] = name.slice(filePrefixes.certificate.length).split('~')
  return { type: { case: 'tlsCertificate', value: { certificateChain: at(certificate), privateKey: at(key) } } }
}

interface DataObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
}

/** The bytes of the first of some keys that the object has. */
function bytesOf(object: DataObject, names: readonly string[]): Uint8Array | undefined {
  const isSecret = object.kind === 'Secret'
  for (const name of names) {
    const [plain, encoded] = isSecret
      ? [undefined, object.data?.[name]]
      : [object.data?.[name], object.binaryData?.[name]]
    const bytes = plain === undefined ? decoded(encoded) : new TextEncoder().encode(plain)
    if (bytes && bytes.length > 0) return bytes
  }
  return undefined
}

/** Text that is not base64 says nothing: the API server does not take it. */
function decoded(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

function find(world: World, { cluster, namespace }: CredentialKey, kind: string, name: string): DataObject | undefined {
  return world.object(cluster, kind, `${namespace}/${name}`) as DataObject | undefined
}

function inline(value: Uint8Array): Source {
  return { specifier: { case: 'inlineBytes', value } }
}

/** As `kubectl create secret tls` writes them, or under Istio's own names. */
function certificateIn(world: World, key: CredentialKey, object: string): Built<Secret> | undefined {
  const secret = find(world, key, '/Secret', object)
  const chain = secret && bytesOf(secret, ['tls.crt', 'cert'])
  const privateKey = secret && bytesOf(secret, ['tls.key', 'key'])
  if (!secret || !chain || !privateKey) return undefined
  const staple = bytesOf(secret, ['tls.ocsp-staple'])
  const resource = create(SecretSchema, {
    name: key.name,
    type: {
      case: 'tlsCertificate',
      value: {
        certificateChain: inline(chain),
        privateKey: inline(privateKey),
        ...(staple && { ocspStaple: inline(staple) }),
      },
    },
  })
  return { resource, origin: [refOf(key.cluster, secret)] }
}

/** Authorities that clients (or servers) must have a certificate of, and those that were revoked. */
function authorityIn(world: World, key: CredentialKey, kind: string, name: string): Built<Secret> | undefined {
  const object = find(world, key, kind, name)
  const roots = object && bytesOf(object, ['ca.crt', 'cacert'])
  if (!object || !roots) return undefined
  const revoked = bytesOf(object, ['ca.crl', 'crl'])
  const resource = create(SecretSchema, {
    name: key.name,
    type: {
      case: 'validationContext',
      value: { trustedCa: inline(roots), ...(revoked && { crl: inline(revoked) }) },
    },
  })
  return { resource, origin: [refOf(key.cluster, object)] }
}
