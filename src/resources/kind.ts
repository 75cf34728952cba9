// A kind as Fairlead knows it, and the CustomResourceDefinition that makes a cluster know it.
import type { Problem } from '../report/index.ts'
import type { Place } from './check.ts'
import { collect } from './check.ts'
import { type KubeObject, refOf } from './kube-object.ts'
import { anyObject, map, type Static, string, type TSchema } from './schema.ts'
import { checkShape, emptyValue } from './shape.ts'
import { structural } from './structural.ts'

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly jsonPath: string
  readonly description?: string
  /** 0 = always shown; higher ones only with `-o wide`. */
  readonly priority?: number
}

/** A version of a kind. All versions of a kind have one schema. */
export interface KindVersion {
  readonly name: string
  /** The one version in which objects are kept. */
  readonly storage?: boolean
  /** Shown as a warning to who uses this version. */
  readonly deprecationWarning?: string
}

/** A kind: everything that Fairlead and a cluster must know of it. Made by `defineKind`. */
export interface KindDefinition<Spec extends TSchema = TSchema, Status extends TSchema = TSchema> {
  readonly group: string
  readonly versions: readonly KindVersion[]
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly scope: 'Namespaced' | 'Cluster'
  /** Shown by `kubectl explain KIND`. */
  readonly description: string
  readonly spec: Spec
  readonly status: Status
  readonly printerColumns: readonly PrinterColumn[]
  readonly subresources: { readonly status?: object; readonly scale?: object }
  /** CEL rules over the whole object, beside those of `spec`. */
  readonly rules: readonly { rule: string; message: string }[]
  /**
   * What the schema cannot say: checks of one object by itself. It is given an object whose shape is right (parts of
   * the wrong shape are left out).
   */
  checkFields(root: Place, object: KubeObject<Static<Spec>, Static<Status>>): void
}

type Defaulted =
  | 'singular'
  | 'shortNames'
  | 'categories'
  | 'scope'
  | 'printerColumns'
  | 'subresources'
  | 'rules'
  | 'checkFields'

/** Comes last unless a kind puts it elsewhere. */
export const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }

/** Fills in what most kinds have in common: namespaced, with a status subresource, and the column Age. */
export function defineKind<Spec extends TSchema, Status extends TSchema>(
  definition: Omit<KindDefinition<Spec, Status>, Defaulted> & Partial<Pick<KindDefinition<Spec, Status>, Defaulted>>,
): KindDefinition<Spec, Status> {
  const columns = definition.printerColumns ?? []
  return {
    singular: definition.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    scope: 'Namespaced',
    subresources: { status: {} },
    rules: [],
    checkFields: () => {},
    ...definition,
    printerColumns: columns.includes(age) ? columns : [...columns, age],
  }
}

/** What became of one object: its problems, and the object as far as its shape is right. */
export interface Checked<Spec, Status> {
  /** Without the fields whose shape is wrong. */
  readonly object: KubeObject<Spec, Status>
  readonly problems: readonly Problem[]
  /** No problem is an error. */
  readonly valid: boolean
}

/** Labels and annotations are what users get wrong here: `a: yes` is no text. */
const metadataShape = anyObject({ properties: { labels: map(string()), annotations: map(string()) } })

/** Checks one object by itself, as an admission webhook does: shape and values, all errors at once. */
export function checkObject<Spec extends TSchema, Status extends TSchema>(
  kind: KindDefinition<Spec, Status>,
  object: KubeObject,
  cluster = '',
): Checked<Static<Spec>, Static<Status>> {
  const ref = refOf(cluster, object)
  let spec: unknown
  const replaced: string[] = []
  const shape = collect(ref, (root) => {
    checkShape(metadataShape, object.metadata, root.field('metadata'))
    spec = checkShape(kind.spec, object.spec ?? {}, root.field('spec'), { replaced })
  })
  const sound = { ...object, spec: (spec ?? emptyValue(kind.spec)) as Static<Spec> } as KubeObject<
    Static<Spec>,
    Static<Status>
  >
  const values = collect(ref, (root) => kind.checkFields(root, sound))
  // What is wrong or missing is told once: checks that stumble over the empty value in its place are not heard.
  const told = ({ path }: Problem): boolean =>
    shape.some((s) => s.path === path) || replaced.some((r) => path.startsWith(`${r}.`) || path.startsWith(`${r}[`))
  const problems = [...shape, ...values.filter((p) => !told(p))]
  return { object: sound, problems, valid: problems.every((p) => p.severity !== 'error') }
}

/** The CustomResourceDefinition (`apiextensions.k8s.io/v1`) of a kind. */
export function toCrd(kind: KindDefinition): KubeObject {
  const schema = {
    type: 'object',
    description: kind.description,
    properties: { spec: structural(kind.spec), status: structural(kind.status) },
    ...(kind.rules.length > 0 ? { 'x-kubernetes-validations': kind.rules } : {}),
  }
  const storage = kind.versions.find((v) => v.storage)?.name ?? kind.versions[0]?.name
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${kind.group}`, labels: { 'app.kubernetes.io/part-of': 'fairlead' } },
    spec: {
      group: kind.group,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: kind.shortNames,
        categories: kind.categories,
      },
      versions: kind.versions.map((version) => ({
        name: version.name,
        served: true,
        storage: version.name === storage,
        ...(version.deprecationWarning === undefined
          ? {}
          : { deprecated: true, deprecationWarning: version.deprecationWarning }),
        schema: { openAPIV3Schema: schema },
        subresources: kind.subresources,
        additionalPrinterColumns: kind.printerColumns,
      })),
    },
  }
}
