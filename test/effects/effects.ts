// Does every field of Istio's kinds do something? Each field of a kind's schema is set in an object of a small mesh; the
// Envoy resources of its proxies must differ, or somebody must be told.
import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { buildProxyConfig, proxyConfigJson } from '../../src/backends/envoy/index.ts'
import { snapshotOf, staticWorld } from '../../src/discovery/index.ts'
import { proxyOfDescription } from '../../src/mesh/index.ts'
import { groupKind, isObject, type KubeObject, soundObject, type TSchema } from '../../src/resources/index.ts'

interface Node {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly additionalProperties?: TSchema
  readonly minimum?: number
  readonly 'x-fairlead-duration'?: string
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

/** The mesh that fields are set in. */
export interface Mesh {
  /** Objects of one cluster, as YAML. */
  readonly objects: readonly KubeObject[]
  readonly proxies: readonly Readonly<Record<string, unknown>>[]
}

/** What must be there for a field to mean something: values by path, for the fields whose path begins so. */
export type Context = readonly [prefix: string, values: Readonly<Record<string, unknown>>]

export function objectsOf(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as KubeObject | null) ?? [])
}

/** Paths of fields that hold no others, in the form `a[].b{}.c`, with their schemas. */
export function fieldsOf(schema: TSchema, path = ''): [string, Node][] {
  const node = schema as Node
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`)
  if (node.properties && Object.keys(node.properties).length > 0)
    return Object.entries(node.properties).flatMap(([name, each]) => fieldsOf(each, below(name)))
  if (node.items) return fieldsOf(node.items, `${path}[]`)
  if (node.additionalProperties) return fieldsOf(node.additionalProperties, `${path}{}`)
  return [[path, node]]
}

const texts = ['x-one', '7s', '10.9.8.7', 'a.example', 'https://a.example/b', '/one', 'v1', 'cookie']

function valuesFor(node: Node): unknown[] {
  if (node.enum) return [...node.enum]
  if (node['x-fairlead-duration'] !== undefined) return ['7s', '77s']
  if (node['x-kubernetes-preserve-unknown-fields']) return [{ a: 'b' }]
  switch (node.type) {
    case 'string':
      return texts
    case 'boolean':
      return [true, false]
    case 'integer':
    case 'number':
      return [7, 77, 443, 503].filter((n) => n >= (node.minimum ?? 0))
    default:
      return [{}]
  }
}

/** Sets a value at a path; lists get one item, maps one entry with the key `one`. */
function setAt(root: Record<string, unknown>, path: string, value: unknown): void {
  const steps = path.split('.').flatMap((step) => {
    const name = step.replace(/(\[\]|\{\})+$/, '')
    return [name, ...(step.slice(name.length).match(/\[\]|\{\}/g) ?? [])]
  })
  let at: Record<string, unknown> | unknown[] = root
  for (const [index, step] of steps.entries()) {
    const key = step === '[]' ? 0 : step === '{}' ? (Object.keys(at)[0] ?? 'x-one') : step
    const next = steps[index + 1]
    const holder = at as Record<string | number, unknown>
    if (next === undefined) holder[key] = value
    else {
      holder[key] ??= next === '[]' ? [] : {}
      at = holder[key] as Record<string, unknown>
    }
  }
}

/** Mesh settings are where a cluster has them. */
function settingsOf({ spec }: KubeObject): KubeObject {
  const metadata = { name: 'istio', namespace: 'istio-system' }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: JSON.stringify(spec) } } as KubeObject
}

/** Judges fields of one mesh. */
export class Effects {
  readonly #mesh: Mesh

  constructor(mesh: Mesh) {
    this.#mesh = mesh
  }

  /** The fields of a kind that nothing comes of, and nobody is told of. */
  silent({ spec: schema }: { readonly spec: TSchema }, base: KubeObject, contexts: readonly Context[]): string[] {
    const outcomes = new Map<string, unknown>()
    return fieldsOf(schema).flatMap(([path, node]) => {
      const spec = structuredClone(isObject(base.spec) ? base.spec : {})
      for (const [prefix, values] of contexts)
        if (path.startsWith(prefix))
          for (const [at, value] of Object.entries(values)) setAt(spec, at, structuredClone(value))
      const key = JSON.stringify(spec)
      const without = outcomes.get(key) ?? this.#outcome({ ...base, spec })
      outcomes.set(key, without)
      const heard = valuesFor(node).some((value) => {
        const changed = structuredClone(spec)
        setAt(changed, path, value)
        return !isDeepStrictEqual(this.#outcome({ ...base, spec: changed }), without)
      })
      return heard ? [] : [path]
    })
  }

  #outcome(object: KubeObject): unknown {
    const checked = soundObject(object.kind === 'MeshConfig' ? settingsOf(object) : object, 'east')
    const others = this.#mesh.objects.filter(
      (other) => other.kind !== checked.object.kind || other.metadata.name !== checked.object.metadata.name,
    )
    const world = staticWorld(snapshotOf(new Map([['east', [...others, checked.object]]]), groupKind), {
      primary: 'east',
    })
    const configs = this.#mesh.proxies.map((proxy) => buildProxyConfig(world, proxyOfDescription({ ...proxy }, 'east')))
    const problems = [...checked.problems, ...configs.flatMap((config) => config.problems)]
    return [problems.map(({ path, message }) => [path, message]), configs.map((config) => proxyConfigJson(config))]
  }
}
