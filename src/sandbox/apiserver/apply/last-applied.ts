// Moving from client-side to server-side apply: what kubectl noted as last applied counts as its own.
import { isObject, type JsonObject, metaOf, parseJson, textAt, writeJson } from '../json.ts'
import type { Schema } from '../schema/schema.ts'
import { FieldSet } from './field-set.ts'
import { compareTyped, fieldSetOf } from './typed.ts'

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

/** Fields that the annotation claims and that are still as it says. */
export function lastAppliedFields(live: JsonObject, schema: Schema): FieldSet {
  const text = textAt(live, 'metadata', 'annotations', lastAppliedAnnotation)
  if (!text) return new FieldSet()
  let applied: unknown
  try {
    applied = parseJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return new FieldSet()
    throw error
  }
  if (!isObject(applied as JsonObject)) return new FieldSet()
  const config = applied as JsonObject
  const { added, modified, removed } = compareTyped(config, live, schema)
  return fieldSetOf(config, schema).difference(modified).difference(added).difference(removed)
}

/** Keeps the annotation in step with what was just applied, where the object has one. */
export function refreshLastApplied(object: JsonObject, config: JsonObject): void {
  const annotations = metaOf(object)['annotations']
  if (!isObject(annotations) || annotations[lastAppliedAnnotation] === undefined) return
  const { managedFields: _, ...meta } = metaOf(config)
  metaOf(object)['annotations'] = {
    ...annotations,
    [lastAppliedAnnotation]: `${writeJson({ ...config, metadata: meta })}\n`,
  }
}
