// Problems of Istio's objects and of Fairlead's own → their status: a condition `Accepted`, and `validationMessages` as Istio
// has them. Dialects write the statuses of their kinds themselves.
import { isOwned } from '../backends/istio/index.ts'
import { sameStructure } from '../lib/index.ts'
import type { Engine, Query, Read } from '../pipeline/index.ts'
import {
  acceptedCondition,
  acceptedType,
  compareProblems,
  type ObjectRef,
  type Problem,
  reasonOf,
} from '../report/index.ts'
import { fairleadKinds } from '../resources/fairlead/index.ts'
import { checkObject, groupKind, type KubeObject, kindOf, objectKey } from '../resources/index.ts'
import { istioKinds } from '../resources/istio/index.ts'
import type { ObjectTables } from './xds/index.ts'

const kinds = [...istioKinds, ...fairleadKinds].map(({ group, kind }) => `${group}/${kind}`)
/** Kinds whose objects always get a status: nobody else writes one. */
const ownKinds = new Set(fairleadKinds.map(({ group, kind }) => `${group}/${kind}`))

export interface Place {
  readonly cluster: string
  readonly kind: string
  readonly key: string
}

interface IstioStatus {
  readonly conditions?: readonly { readonly type: string; readonly [field: string]: unknown }[]
  readonly validationMessages?: readonly unknown[]
}

export interface ObjectStatusInputs {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly instance: Query<string, string>
  /** Problems that stages found; those of other kinds than Istio's are left to others. */
  readonly problems: Query<string, readonly Problem[]>
  /** What the status of an object says beside its problems, if anything. */
  readonly details: (read: Read, place: Place) => Details | undefined
}

type Details = Readonly<Record<string, unknown>>

/**
 * Statuses that are to be written, by cluster: objects with the fields that name them, the resourceVersion that was
 * read, and the new status. What is in order and never was otherwise gets none.
 */
export function defineObjectStatuses(inputs: ObjectStatusInputs): Query<string, readonly KubeObject[]> {
  const { engine, tables, instance, problems, details } = inputs
  const byObject = engine.define<string, ReadonlyMap<string, readonly Problem[]>>('problems by object', (read) =>
    Map.groupBy(read.query(problems, ''), ({ object }) => idOf(object.cluster, groupKind(object), keyOf(object))),
  )
  const ofObject = engine.define<string, readonly Problem[]>(
    'problems of object',
    (read, id) => read.query(byObject, '').get(id) ?? [],
    { equals: sameStructure },
  )
  const status = engine.define<Place, KubeObject | undefined>(
    'object status',
    (read, { cluster, kind, key }) => {
      const object = read.get(tables.table(cluster, kind), key)
      if (object === undefined) return undefined
      const found = [...read.query(ofObject, idOf(cluster, kind, key))]
      const definition = kindOf(object)
      // What we wrote ourselves needs no check; if it did, its user could not help it.
      if (definition !== undefined && !isOwned(object, read.query(instance, '')))
        found.push(...checkObject(definition, object, cluster).problems)
      const more = details(read, { cluster, kind, key })
      return statusFor(object, found.sort(compareProblems), ownKinds.has(kind) ? (more ?? {}) : undefined)
    },
    { keyText: ({ cluster, kind, key }) => idOf(cluster, kind, key), equals: sameStructure },
  )
  return engine.define<string, readonly KubeObject[]>(
    'object statuses',
    (read, cluster) =>
      kinds.flatMap((kind) =>
        read.keys(tables.table(cluster, kind)).flatMap((key) => {
          try {
            const due = read.query(status, { cluster, kind, key })
            return due === undefined ? [] : [due]
          } catch {
            return [] // A defect in one check: the engine has reported it, and the other objects go on.
          }
        }),
      ),
    { equals: sameStructure },
  )
}

/** The object with its new status; undefined if the one that it has says the same. With `details`, it always has one. */
export function statusFor(object: KubeObject, problems: readonly Problem[], details?: Details): KubeObject | undefined {
  const before = (object.status ?? {}) as IstioStatus
  const own = before.conditions?.find(({ type }) => type === acceptedType)
  if (problems.length === 0 && own === undefined && details === undefined) return undefined
  const generation = object.metadata.generation ?? 0
  const observedGeneration = details === undefined ? String(generation) : generation
  const condition = { ...acceptedCondition(problems), observedGeneration }
  const others = (before.conditions ?? []).filter(({ type }) => type !== acceptedType)
  const validationMessages = problems.map(({ code, severity, path, message }) => ({
    type: { name: reasonOf(code), code },
    level: severity.toUpperCase(),
    message: path === '' ? message : `${path}: ${message}`,
  }))
  const says = own && { ...own, lastTransitionTime: undefined }
  const isSaid = sameStructure(withoutUndefined(says), condition)
  const isDetailed = Object.entries(details ?? {}).every(([name, value]) =>
    sameStructure((before as Details)[name] ?? null, value),
  )
  if (isSaid && isDetailed && sameStructure(before.validationMessages ?? [], validationMessages)) return undefined
  const { apiVersion, kind, metadata } = object
  const { name, namespace, resourceVersion } = metadata
  const lastTransitionTime = own?.['status'] === condition.status ? own['lastTransitionTime'] : undefined
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    status: {
      conditions: [...others, { ...condition, ...(lastTransitionTime !== undefined && { lastTransitionTime }) }],
      validationMessages,
      ...details,
    },
  }
}

/** The status as it is written: a condition that changed gets the time. */
export function stampedStatus(object: KubeObject, now: string): unknown {
  const { conditions = [], ...rest } = object.status as IstioStatus
  const stamp = { lastTransitionTime: now }
  return { ...rest, conditions: conditions.map((one) => (one.type === acceptedType ? { ...stamp, ...one } : one)) }
}

function idOf(cluster: string, kind: string, key: string): string {
  return `${cluster} ${kind} ${key}`
}

function keyOf({ namespace, name }: ObjectRef): string {
  return objectKey({ apiVersion: '', kind: '', metadata: { name, namespace } })
}

function withoutUndefined(value: object | undefined): object | undefined {
  return value && Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined))
}
