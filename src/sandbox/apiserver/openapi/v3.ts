// OpenAPI v3 documents, one for each group and version: enough for `kubectl explain`, for its choice of patch kinds,
// and for clients that ask whether the server checks fields.
import { createHash } from 'node:crypto'
import { docs } from '#gen/kubernetes/docs.js'
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts'
import { typeOf } from '../kinds/define.ts'
import type { Registry } from '../registry.ts'
import { apiVersionOf, type Resource } from '../resource.ts'
import { kubernetesVersion } from '../version.ts'
import { addType, publishedName } from './builtin-schemas.ts'

export const pathOf = (group: string, version: string): string =>
  group ? `apis/${group}/${version}` : `api/${version}`

/** The index: path of each document, with a hash that changes when the document does. */
export function index(registry: Registry): JsonObject {
  const paths: JsonObject = {}
  for (const { group, versions } of registry.groups()) {
    for (const version of versions) {
      const custom = registry.all().some((r) => r.custom && r.group === group && r.version === version)
      const state = `${kubernetesVersion.minor}/${group}/${version}/${custom ? registry.revision : 0}`
      const hash = createHash('sha512').update(state).digest('hex').toUpperCase()
      const path = pathOf(group, version)
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }
    }
  }
  return { paths }
}

/** Schema of a CRD's version, as its definition gives it. */
export type CustomSchemas = (resource: Resource) => JsonObject | undefined

/** The document of a group and version; undefined where it is not served. */
export function document(
  registry: Registry,
  group: string,
  version: string,
  custom: CustomSchemas,
): JsonObject | undefined {
  const resources = registry.all().filter((r) => r.group === group && r.version === version)
  if (resources.length === 0) return undefined
  const schemas: JsonObject = {}
  const paths: JsonObject = {}
  for (const resource of resources) {
    const name = resource.custom ? addCustom(schemas, resource, custom(resource)) : addBuiltin(schemas, resource)
    Object.assign(paths, pathsOf(resource, name))
  }
  const { major, minor } = kubernetesVersion
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: `v${major}.${minor}` },
    paths,
    components: { schemas },
  }
}

const kindTag = (resource: Resource): JsonObject => ({
  group: resource.group,
  version: resource.version,
  kind: resource.names.kind,
})

/** What all kinds have, in the words of one of them. */
const common = docs['core.v1.ConfigMap'] ?? {}
const described = (field: string): JsonObject => (common[field] ? { description: common[field] } : {})
const typeMeta: JsonObject = {
  apiVersion: { ...described('apiVersion'), type: 'string' },
  kind: { ...described('kind'), type: 'string' },
}
const metadataDescription =
  "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"

function addBuiltin(schemas: JsonObject, resource: Resource): string {
  const type = typeOf(resource.group, resource.version, resource.names.kind)
  const name = addType(schemas, type)
  const schema = objectAt(schemas, name) ?? {}
  const properties = { ...typeMeta, ...objectAt(schema, 'properties') }
  schema['properties'] = properties
  const metadata = objectAt(properties, 'metadata')
  if (metadata) metadata['description'] = metadataDescription
  schema['x-kubernetes-group-version-kind'] = [kindTag(resource)]
  return publishedName(type)
}

function addCustom(schemas: JsonObject, resource: Resource, source: JsonObject | undefined): string {
  const reversed = resource.group.split('.').reverse().join('.')
  const name = `${reversed}.${resource.version}.${resource.names.kind}`
  const meta = addType(schemas, 'meta.v1.ObjectMeta')
  const { 'x-kubernetes-validations': _rules, ...own } = source ?? { type: 'object' }
  schemas[name] = {
    ...own,
    properties: {
      ...typeMeta,
      ...objectAt(own, 'properties'),
      metadata: { description: metadataDescription, allOf: [{ $ref: `#/components/schemas/${meta}` }] },
    },
    'x-kubernetes-group-version-kind': [kindTag(resource)],
  }
  return name
}

const parameter = (name: string, type: string): JsonObject => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
})
const writeParameters = [
  parameter('dryRun', 'string'),
  parameter('fieldManager', 'string'),
  parameter('fieldValidation', 'string'),
]

/** How an operation is called in documents, by HTTP method. */
const actions: readonly (readonly [string, string, string])[] = [
  ['get', 'get', 'get'],
  ['put', 'update', 'put'],
  ['patch', 'patch', 'patch'],
  ['delete', 'delete', 'delete'],
]

function pathsOf(resource: Resource, schema: string): JsonObject {
  const base = `/${pathOf(resource.group, resource.version)}`
  const collection = `${base}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.names.plural}`
  const reference = { $ref: `#/components/schemas/${schema}` }
  const answer = { description: 'OK', content: { 'application/json': { schema: reference } } }
  const operation = (verb: string, action: string, parameters: JsonObject[]): JsonObject => ({
    operationId: `${verb}${apiVersionOf(resource).replace(/[^A-Za-z0-9]/g, '')}${resource.names.kind}`,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kindTag(resource),
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: { '200': answer },
  })
  const list: JsonObject = {}
  if (resource.verbs.includes('list')) list['get'] = operation('list', 'list', [])
  if (resource.verbs.includes('create')) {
    list['post'] = {
      ...operation('create', 'post', writeParameters),
      requestBody: { content: { '*/*': { schema: reference } } },
    }
  }
  const item: JsonObject = {}
  for (const [method, verb, action] of actions) {
    if (!resource.verbs.includes(verb)) continue
    const writes = method === 'put' || method === 'patch'
    const made = operation(verb, action, writes ? writeParameters : [])
    item[method] = method === 'patch' ? { ...made, requestBody: { content: patchTypes(resource) } } : made
  }
  return { [collection]: list, ...(Object.keys(item).length > 0 ? { [`${collection}/{name}`]: item } : {}) }
}

function patchTypes(resource: Resource): JsonObject {
  const all = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json']
  if (!resource.custom) all.push('application/strategic-merge-patch+json')
  return Object.fromEntries(all.map((type) => [type, { schema: { type: 'object' } }]))
}

/** Finds the schema of a custom resource's version in its definition. */
export function customSchemaIn(crd: JsonObject | undefined, version: string): JsonObject | undefined {
  const versions = crd ? (objectAt(crd, 'spec')?.['versions'] ?? []) : []
  if (!Array.isArray(versions)) return undefined
  const found = versions.filter(isObject).find((v) => textAt(v, 'name') === version)
  return objectAt(found, 'schema', 'openAPIV3Schema')
}
