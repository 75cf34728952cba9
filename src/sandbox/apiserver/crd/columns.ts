// additionalPrinterColumns → a table.
import { type JsonObject, type JsonValue, nameOf, numberAt, textAt, writeJson } from '../json.ts'
import type { Cell, Column, TablePrinter } from '../resource.ts'
import { age } from '../table/age.ts'
import { plainTable } from '../table/plain.ts'
import { parsePath, resultsOf } from './json-path.ts'

function cell(type: string, value: JsonValue | undefined): Cell {
  if (value === undefined || value === null) return null
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : writeJson(value)
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : typeof value === 'bigint' ? value : null
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      if (typeof value !== 'string') return null
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : age(value)
    default:
      return null
  }
}

/** The table of a version: its columns, or name and age where it has none. */
export function customTable(columns: readonly JsonObject[]): TablePrinter {
  if (columns.length === 0) return plainTable
  const parsed = columns.map((c) => ({ type: textAt(c, 'type'), path: parsePath(textAt(c, 'jsonPath')) ?? [] }))
  return {
    columns: [
      { name: 'Name', type: 'string', format: 'name' },
      ...columns.map(
        (c): Column => ({
          name: textAt(c, 'name'),
          type: textAt(c, 'type') as Column['type'],
          format: textAt(c, 'format'),
          description: textAt(c, 'description'),
          priority: numberAt(c, 'priority') ?? 0,
        }),
      ),
    ],
    cells: (object) => [nameOf(object), ...parsed.map(({ type, path }) => cell(type, resultsOf(object, path)[0]))],
  }
}
