// A set of clusters over several moments, without clusters: what stands in files, what Fairlead writes to them, and the
// statuses that it sets, carried from one moment to the next as API servers would.
import { loweredFailovers } from '../backends/istio/index.ts'
import { type TranslateOptions, type TranslateResult, translate } from '../dialects/index.ts'
import { labelNames, namespaceOf, staticWorld, systemNamespace } from '../discovery/index.ts'
import { drainProblems, failoverProblems } from '../mesh/index.ts'
import { compareProblems, type Problem } from '../report/index.ts'
import {
  type ClusterSnapshot,
  groupKind,
  type KubeObject,
  kindOf,
  objectKey,
  readObjects,
  type Snapshot,
} from '../resources/index.ts'

/** The YAML of one cluster. */
export interface ClusterFile {
  readonly name: string
  readonly yaml: string
  /** What messages call it. */
  readonly file?: string
}

export interface Deletion {
  readonly cluster: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export interface Step {
  readonly apply?: readonly ClusterFile[]
  readonly delete?: readonly Deletion[]
  /** Nothing is kept in memory from one moment to the next, so a restart changes nothing. */
  readonly restart?: boolean
}

/** The whole state after a step. */
export interface Answer {
  readonly objects: TranslateResult['objects']
  readonly statuses: TranslateResult['statuses']
  readonly problems: readonly Problem[]
}

type Objects = Map<string, Map<string, KubeObject>>

const clusterScoped = new Set([
  'Node',
  'Namespace',
  'CustomResourceDefinition',
  'PersistentVolume',
  'ClusterRole',
  'ClusterRoleBinding',
  'StorageClass',
  'GatewayClass',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'PriorityClass',
  'APIService',
])

export class TranslateSession {
  readonly #management: string
  readonly #options: TranslateOptions
  /** What users wrote, by cluster. */
  readonly #given = new Map<string, Objects>()
  /** What is wrong with the text of a cluster's files. */
  readonly #syntax: Problem[] = []
  #written: readonly { readonly cluster: string; readonly object: KubeObject }[] = []
  #step = 0

  constructor(management: string, options: TranslateOptions, files: readonly ClusterFile[]) {
    this.#management = management
    this.#options = options
    for (const file of files) this.#apply(file)
  }

  /** Moves on to a later moment. */
  change(step: Step): void {
    this.#step++
    this.#syntax.length = 0
    for (const { cluster, apiVersion, kind, namespace, name } of step.delete ?? []) {
      const object = placed({ apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } })
      this.#given.get(cluster)?.get(groupKind(object))?.delete(objectKey(object))
    }
    for (const file of step.apply ?? []) this.#apply(file)
  }

  /** Translates this moment, and keeps what is written and said for the next one. */
  answer(): Answer {
    const snapshot = this.#snapshot()
    const result = translate({ snapshot, management: this.#management, options: this.#options })
    const own = ownKinds(snapshot)
    const objects = [...result.objects, ...own.objects, ...result.secrets]
    this.#written = objects
    for (const { cluster, object } of result.statuses) this.#keepStatus(cluster, object)
    return {
      objects,
      statuses: result.statuses,
      problems: [...this.#syntax, ...result.problems, ...own.problems].sort(compareProblems),
    }
  }

  #apply({ name, yaml, file = name }: ClusterFile): void {
    const own = this.#given.get(name) ?? new Map()
    this.#given.set(name, own)
    const { objects, problems } = readObjects(yaml, file, name)
    this.#syntax.push(...problems)
    for (const { object } of objects) {
      const next = placed(object)
      const kind = own.get(groupKind(next)) ?? new Map<string, KubeObject>()
      own.set(groupKind(next), kind.set(objectKey(next), this.#succeed(kind.get(objectKey(next)), next)))
    }
  }

  /** What an API server adds to an object: age, generation, and the status that it had. */
  #succeed(before: KubeObject | undefined, object: KubeObject): KubeObject {
    const { metadata } = object
    // Objects that come in a step are younger than all before; a time beyond all times says so without a clock.
    const born = this.#step === 0 ? undefined : `9999-12-31T00:00:00.${String(this.#step).padStart(6, '0')}Z`
    const creationTimestamp =
      metadata.creationTimestamp ?? (before === undefined ? born : before.metadata.creationTimestamp)
    const old = before?.metadata.generation ?? 1
    const changed = before !== undefined && JSON.stringify(before.spec) !== JSON.stringify(object.spec)
    const status = object.status ?? before?.status
    return {
      ...object,
      metadata: {
        ...metadata,
        generation: metadata.generation ?? (changed ? old + 1 : old),
        ...(creationTimestamp !== undefined && { creationTimestamp }),
      },
      ...(status !== undefined && { status }),
    }
  }

  #keepStatus(cluster: string, { apiVersion, kind, metadata, status }: KubeObject): void {
    const objects = this.#given.get(cluster)?.get(groupKind({ apiVersion, kind }))
    const key = objectKey({ apiVersion, kind, metadata })
    const object = objects?.get(key)
    if (object !== undefined) objects?.set(key, { ...object, status })
  }

  #snapshot(): Snapshot {
    const clusters = new Map<string, ClusterSnapshot>()
    for (const [name, kinds] of this.#given) {
      const objects = new Map([...kinds].map(([kind, byKey]) => [kind, new Map(byKey)]))
      for (const { cluster, object } of this.#written) {
        if (cluster !== name) continue
        const kind = objects.get(groupKind(object)) ?? new Map<string, KubeObject>()
        // What a user wrote since stands; the API server has one object of a name.
        if (!kind.has(objectKey(object))) kind.set(objectKey(object), object)
        objects.set(groupKind(object), kind)
      }
      clusters.set(name, { name, objects })
    }
    return { clusters }
  }
}

/** What Fairlead's own kinds become in each cluster; each is a mesh of its own, as files tell nothing else. */
function ownKinds({ clusters }: Snapshot): { objects: TranslateResult['objects']; problems: readonly Problem[] } {
  const found = [...clusters.keys()].map((cluster) => {
    const world = staticWorld({ clusters }, { primary: cluster, clusters: [cluster] })
    const { labels } = namespaceOf(world, cluster, systemNamespace)
    const isOurs = labels[labelNames.dataPlane] === 'envoy'
    const lowered = isOurs ? { objects: [], problems: [] } : world.get(loweredFailovers, undefined)
    return {
      objects: lowered.objects.map((object) => ({ cluster, object })),
      problems: [
        ...world.get(failoverProblems, undefined),
        ...world.get(drainProblems, undefined),
        ...lowered.problems,
      ],
    }
  })
  return { objects: found.flatMap(({ objects }) => objects), problems: found.flatMap(({ problems }) => problems) }
}

/** The object with its namespace, as kubectl sends it. */
function placed(object: KubeObject): KubeObject {
  const { kind, metadata } = object
  if (metadata.namespace !== undefined || clusterScoped.has(kind) || kindOf(object)?.scope === 'Cluster') return object
  return { ...object, metadata: { ...metadata, namespace: 'default' } }
}
