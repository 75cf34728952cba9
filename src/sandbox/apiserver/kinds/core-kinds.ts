// The smaller kinds of the core group: ConfigMaps, Secrets, Namespaces, Nodes, volumes, accounts, events.
import { Buffer } from 'node:buffer'
import { type FieldError, forbiddenField, invalid, required, tooLong } from '../errors.ts'
import {
  ensureObject,
  equal,
  type JsonObject,
  listAt,
  metaOf,
  objectAt,
  objectsAt,
  setDefault,
  stringMap,
  textAt,
} from '../json.ts'
import type { Strategy } from '../resource.ts'
import { checkWith, isConfigMapKey } from '../rest/names.ts'

const sizeLimit = 1024 * 1024

function checkImmutable(next: JsonObject, old: JsonObject | undefined, keys: readonly string[]): FieldError[] {
  if (old?.['immutable'] !== true) return []
  const frozen = 'field is immutable when `immutable` is set'
  if (next['immutable'] !== true) return [forbiddenField('immutable', frozen)]
  return keys.filter((key) => !equal(next[key], old[key])).map((key) => forbiddenField(key, frozen))
}

export const configMapStrategy: Strategy = {
  validate(next, old) {
    const data = stringMap(objectAt(next, 'data'))
    const binary = stringMap(objectAt(next, 'binaryData'))
    const errors: FieldError[] = []
    let size = 0
    for (const [key, value] of Object.entries(data)) {
      errors.push(...checkWith(isConfigMapKey, `data[${key}]`, key))
      if (Object.hasOwn(binary, key))
        errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'))
      size += Buffer.byteLength(value)
    }
    for (const [key, value] of Object.entries(binary)) {
      errors.push(...checkWith(isConfigMapKey, `binaryData[${key}]`, key))
      size += Buffer.from(value, 'base64').length
    }
    if (size > sizeLimit) errors.push(tooLong('', sizeLimit))
    return [...checkImmutable(next, old, ['data', 'binaryData']), ...errors]
  },
}

/** Keys that secrets of a type must have: all of a list, or one of them. */
const secretKeys: Readonly<Record<string, { readonly all?: string[]; readonly any?: string[] }>> = {
  'kubernetes.io/tls': { all: ['tls.crt', 'tls.key'] },
  'kubernetes.io/ssh-auth': { all: ['ssh-privatekey'] },
  'kubernetes.io/dockerconfigjson': { all: ['.dockerconfigjson'] },
  'kubernetes.io/dockercfg': { all: ['.dockercfg'] },
  'kubernetes.io/basic-auth': { any: ['username', 'password'] },
}

function checkSecretType(secret: JsonObject, data: Record<string, string>): FieldError[] {
  const type = textAt(secret, 'type')
  const { all = [], any = [] } = secretKeys[type] ?? {}
  const errors = all.filter((key) => !Object.hasOwn(data, key)).map((key) => required(`data[${key}]`))
  if (any.length > 0 && !any.some((key) => Object.hasOwn(data, key)))
    errors.push(...any.map((key) => required(`data[${key}]`)))
  if (
    type === 'kubernetes.io/service-account-token' &&
    !textAt(secret, 'metadata', 'annotations', 'kubernetes.io/service-account.name')
  ) {
    errors.push(required('metadata.annotations[kubernetes.io/service-account.name]'))
  }
  if (type === 'kubernetes.io/dockerconfigjson' && data['.dockerconfigjson'] !== undefined) {
    try {
      JSON.parse(Buffer.from(data['.dockerconfigjson'], 'base64').toString('utf8'))
    } catch {
      errors.push(
        invalid(
          'data[.dockerconfigjson]',
          '<secret contents redacted>',
          'invalid character looking for beginning of value',
        ),
      )
    }
  }
  return errors
}

export const secretStrategy: Strategy = {
  defaults(secret) {
    setDefault(secret, 'type', 'Opaque')
    const plain = stringMap(objectAt(secret, 'stringData'))
    delete secret['stringData']
    if (Object.keys(plain).length === 0) return
    const data = ensureObject(secret, 'data')
    for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(value, 'utf8').toString('base64')
  },
  validate(next, old) {
    const data = stringMap(objectAt(next, 'data'))
    const errors: FieldError[] = []
    let size = 0
    for (const [key, value] of Object.entries(data)) {
      errors.push(...checkWith(isConfigMapKey, `data[${key}]`, key))
      size += Buffer.from(value, 'base64').length
    }
    if (size > sizeLimit) errors.push(tooLong('data', sizeLimit))
    const type = textAt(next, 'type')
    const change = old && textAt(old, 'type') !== type ? [invalid('type', type, 'field is immutable')] : []
    return [...change, ...checkImmutable(next, old, ['data']), ...errors, ...checkSecretType(next, data)]
  },
}

export const namespaceStrategy: Strategy = {
  nameRule: 'label',
  returnsDeleted: true,
  defaults(namespace) {
    const meta = metaOf(namespace)
    const name = textAt(meta, 'name')
    if (name) ensureObject(meta, 'labels')['kubernetes.io/metadata.name'] = name
  },
  prepareCreate(namespace) {
    const meta = metaOf(namespace)
    ensureObject(meta, 'labels')['kubernetes.io/metadata.name'] = textAt(meta, 'name')
    const finalizers = listAt(namespace, 'spec', 'finalizers')
    namespace['spec'] = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] }
    namespace['status'] = { phase: 'Active' }
  },
  prepareUpdate(next, old) {
    // Finalizers of the spec change by the finalize subresource only.
    next['spec'] = old['spec'] ?? {}
  },
  onDelete(namespace) {
    namespace['status'] = { ...objectAt(namespace, 'status'), phase: 'Terminating' }
  },
}

export const nodeStrategy: Strategy = { returnsDeleted: true, keepsStatus: true }

export const serviceAccountStrategy: Strategy = { returnsDeleted: true }

export const claimStrategy: Strategy = {
  returnsDeleted: true,
  defaults(claim) {
    setDefault(ensureObject(claim, 'spec'), 'volumeMode', 'Filesystem')
  },
  prepareCreate(claim) {
    claim['status'] = { phase: 'Pending' }
  },
  validate(claim, old) {
    const spec = objectAt(claim, 'spec')
    if (old) return []
    const errors: FieldError[] = []
    if (listAt(spec, 'accessModes').length === 0) {
      errors.push(required('spec.accessModes', 'at least 1 access mode is required'))
    }
    if (!textAt(spec, 'resources', 'requests', 'storage')) errors.push(required('spec.resources[storage]'))
    return errors
  },
}

export const volumeStrategy: Strategy = {
  returnsDeleted: true,
  defaults(volume) {
    const spec = ensureObject(volume, 'spec')
    setDefault(spec, 'persistentVolumeReclaimPolicy', 'Retain')
    setDefault(spec, 'volumeMode', 'Filesystem')
  },
  prepareCreate(volume) {
    volume['status'] = { phase: 'Pending' }
  },
}

export const endpointsStrategy: Strategy = {
  createOnUpdate: true,
  defaults(endpoints) {
    for (const subset of objectsAt(endpoints, 'subsets')) {
      for (const port of objectsAt(subset, 'ports')) setDefault(port, 'protocol', 'TCP')
    }
  },
  validate(endpoints) {
    return objectsAt(endpoints, 'subsets').flatMap((subset, i) => {
      const at = `subsets[${i}]`
      const addresses = [...objectsAt(subset, 'addresses'), ...objectsAt(subset, 'notReadyAddresses')]
      const errors: FieldError[] = []
      if (addresses.length === 0) errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'))
      objectsAt(subset, 'addresses').forEach((address, n) => {
        const ip = textAt(address, 'ip')
        if (!/^[0-9a-fA-F.:]+$/.test(ip)) {
          errors.push(
            invalid(`${at}.addresses[${n}].ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
          )
        }
      })
      return errors
    })
  },
}

export const podTemplateStrategy: Strategy = { returnsDeleted: true, generation: true }

export const limitRangeStrategy: Strategy = {
  validate(object) {
    const standard = ['Container', 'PersistentVolumeClaim', 'Pod']
    return objectsAt(object, 'spec', 'limits').flatMap((limit, i) => {
      const type = textAt(limit, 'type')
      if (standard.includes(type) || type.includes('/')) return []
      return [invalid(`spec.limits[${i}].type`, type, 'must be a standard limit type or fully qualified')]
    })
  },
}
