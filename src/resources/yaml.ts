// Text → Kubernetes objects, each with the way back to line and column. YAML as kubectl reads it (its parser is of
// YAML 1.1: `yes` is true, `0644` is octal), several documents in one file, `kind: List` unpacked.
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Tags,
} from 'yaml'
import type { ObjectRef, Problem } from '../report/index.ts'
import { pathSegments } from './check.ts'
import { type KubeObject, refOf } from './kube-object.ts'
import { isObject } from './shape.ts'

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One document of a YAML file. */
export interface YamlDocument {
  /** Plain data; undefined if the document is too broken to be read. */
  readonly value: unknown
  /** What can be read of it all the same, to name it by. */
  readonly remains: unknown
  /** Where a field is (`spec.http[0]`); if it is not there, where the innermost part of the path is that is. */
  locate(path: string): Position
  /** Syntax errors and keys that occur twice. */
  readonly faults: readonly { readonly message: string; readonly at: Position; readonly duplicate: boolean }[]
}

/** An object that was read from a file. */
export interface ReadObject {
  readonly object: KubeObject
  readonly ref: ObjectRef
  locate(path: string): Position
}

/** A problem together with its place in the user's file. */
export type LocatedProblem = Problem & { readonly at?: Position }

/** YAML 1.1 less what kubectl's parser does not know: dates, base 60, sets; and bare `y` and `n` stay text. */
function kubectlTags(tags: Tags): Tags {
  return tags.flatMap((tag): Tags => {
    if (typeof tag === 'string') return [tag]
    if (/:(timestamp|binary|omap|pairs|set)$/.test(tag.tag) || ('format' in tag && tag.format === 'TIME')) return []
    // A lone dot (`exportTo: [.]`) is a text, not a number without digits.
    if (tag.tag.endsWith(':float') && 'test' in tag && tag.test)
      return [{ ...tag, test: new RegExp(`(?!^\\.$)(?:${tag.test.source})`, tag.test.flags) }]
    if (!tag.tag.endsWith(':bool') || tag.collection !== undefined || tag.test === undefined) return [tag]
    return [{ ...tag, test: tag.test.test('true') ? trueWords : falseWords }]
  })
}

const trueWords = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/
const falseWords = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/

/** The documents of a YAML file. A broken one does not hide its neighbours; empty ones are left out. */
export function parseYaml(text: string, file: string): YamlDocument[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.1',
    merge: true,
    customTags: kubectlTags,
  })
  if (!Array.isArray(documents)) return []
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  return documents.flatMap((document) => readDocument(document, position))
}

function readDocument(document: Document.Parsed, position: (offset: number) => Position): YamlDocument[] {
  const { contents, errors } = document
  if (errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null))) return []
  const duplicates = errors.filter((e) => e.code === 'DUPLICATE_KEY')
  // What follows the first syntax error is mostly its echo.
  const broken = errors.filter((e) => e.code !== 'DUPLICATE_KEY').slice(0, 1)
  const plain = toPlain(document)
  const start = contents?.range?.[0] ?? 0
  const faults = [...broken, ...duplicates].map((e) => ({
    message: firstLine(e.message),
    at: position(e.pos[0]),
    duplicate: e.code === 'DUPLICATE_KEY',
  }))
  if (broken.length === 0 && plain.fault !== undefined)
    faults.push({ message: plain.fault, at: position(start), duplicate: false })
  return [
    {
      value: broken.length > 0 ? undefined : plain.value,
      remains: plain.value,
      locate: (path) => position(offsetOf(contents, pathSegments(path)) ?? start),
      faults,
    },
  ]
}

/** `maxAliasCount` keeps a small text from growing into a huge value ("billion laughs"). */
function toPlain(document: Document.Parsed): { value?: unknown; fault?: string } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    // Unknown and excessive aliases; in a document with syntax errors anything may happen.
    return { fault: error instanceof Error ? error.message : String(error) }
  }
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '')
}

function offsetOf(root: unknown, segments: readonly string[]): number | undefined {
  let node = root
  let found: number | undefined
  for (const segment of segments) {
    if (isMap(node)) {
      const pair = node.items.find((p: Pair) => String(isScalar(p.key) ? p.key.value : p.key) === segment)
      if (pair === undefined) break
      found = (pair.key as Node).range?.[0] ?? found
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(segment)] as Node | undefined
      if (item === undefined) break
      found = item.range?.[0] ?? found
      node = item
    } else break
  }
  return found
}

/**
 * The Kubernetes objects of a YAML (or JSON) file, with what is wrong with its syntax. Documents that are no objects
 * are problems; `kind: List` gives its items. Keys that start with `x-` are data like any other.
 */
export function readObjects(
  text: string,
  file: string,
  cluster = '',
): { objects: ReadObject[]; problems: LocatedProblem[] } {
  const objects: ReadObject[] = []
  const problems: LocatedProblem[] = []
  for (const document of parseYaml(text, file)) {
    const ref = looseRef(document.remains, cluster)
    for (const { message, at, duplicate } of document.faults)
      problems.push({
        code: duplicate ? 'duplicate-key' : 'yaml-syntax',
        severity: 'error',
        object: ref,
        path: '',
        message,
        at,
      })
    if (document.value === undefined) continue
    collectObjects(document.value, '', document, cluster, objects, problems)
  }
  return { objects, problems }
}

function collectObjects(
  value: unknown,
  path: string,
  document: YamlDocument,
  cluster: string,
  objects: ReadObject[],
  problems: LocatedProblem[],
): void {
  const items =
    isObject(value) && typeof value['kind'] === 'string' && value['kind'].endsWith('List') ? value['items'] : undefined
  if (Array.isArray(items)) {
    for (const [i, item] of items.entries())
      collectObjects(item, `${path === '' ? '' : `${path}.`}items[${i}]`, document, cluster, objects, problems)
    return
  }
  const missing = notAnObject(value)
  const locate = (inner: string): Position => document.locate([path, inner].filter((p) => p !== '').join('.'))
  if (missing === undefined) {
    const object = value as KubeObject
    objects.push({ object, ref: refOf(cluster, object), locate })
    return
  }
  const ref = looseRef(value, cluster)
  problems.push({
    code: 'not-an-object',
    severity: 'error',
    object: ref,
    path: missing,
    message: missing === '' ? 'this is not a Kubernetes object' : `${missing}: Required value`,
    at: locate(''),
  })
}

/** The path of the first thing that keeps a value from being a Kubernetes object; undefined if it is one. */
function notAnObject(value: unknown): string | undefined {
  if (!isObject(value)) return ''
  if (typeof value['apiVersion'] !== 'string') return 'apiVersion'
  if (typeof value['kind'] !== 'string') return 'kind'
  const metadata = value['metadata']
  if (!isObject(metadata)) return 'metadata'
  if (typeof metadata['name'] !== 'string' && typeof metadata['generateName'] !== 'string') return 'metadata.name'
  return undefined
}

/** Names a document as well as it can be named. */
function looseRef(value: unknown, cluster: string): ObjectRef {
  const of = (container: unknown, key: string): string => {
    const found = isObject(container) ? container[key] : undefined
    return typeof found === 'string' ? found : ''
  }
  const metadata = isObject(value) ? value['metadata'] : undefined
  return {
    cluster,
    apiVersion: of(value, 'apiVersion'),
    kind: of(value, 'kind'),
    namespace: of(metadata, 'namespace'),
    name: of(metadata, 'name'),
  }
}
