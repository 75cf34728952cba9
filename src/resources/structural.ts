import type { TSchema } from './schema.ts'

/** A schema as `apiextensions.k8s.io/v1` takes it. */
export type StructuralSchema = Readonly<Record<string, unknown>>

/** The structural schema (OpenAPI v3 as CRDs allow it) of a schema: without typebox's marks and our own annotations. */
export function structural(schema: TSchema): StructuralSchema {
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema as Record<string, unknown>)) {
    if (key.startsWith('x-fairlead-')) continue
    if (key === 'properties')
      plain[key] = Object.fromEntries(
        Object.entries(value as Record<string, TSchema>).map(([n, s]) => [n, structural(s)]),
      )
    else if ((key === 'items' || key === 'additionalProperties') && typeof value === 'object')
      plain[key] = structural(value as TSchema)
    else if (key === 'required' && Array.isArray(value) && value.length === 0) continue
    else plain[key] = value
  }
  return plain
}
