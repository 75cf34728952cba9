// Short ways to write tables.
import { type JsonObject, type JsonValue, nameOf, objectsAt, stringMap, textAt } from '../json.ts'
import type { Cell, Column, TablePrinter } from '../resource.ts'
import { age } from './age.ts'

/**
 * Makes a printer from column names: `Ready`, `Desired:integer`; those after `|` show with `-o wide` only.
 * `Name` comes first by itself.
 */
export function table(columns: string, cells: (object: JsonObject) => Cell[]): TablePrinter {
  const [usual = '', wide = ''] = columns.split('|')
  const parse = (text: string, priority: number): Column[] =>
    text
      .split(',')
      .map((c) => c.trim())
      .filter(Boolean)
      .map((c) => {
        const [name = '', type = 'string'] = c.split(':')
        return { name, type: type as Column['type'], priority }
      })
  return {
    columns: [{ name: 'Name', type: 'string', format: 'name' }, ...parse(usual, 0), ...parse(wide, 1)],
    cells: (object) => [nameOf(object), ...cells(object)],
  }
}

export const ageOf = (object: JsonObject): string => age(textAt(object, 'metadata', 'creationTimestamp'))

export const orNone = (text: string): string => text || '<none>'

/** Names and images of a template's containers, as two cells. */
export function containerCells(spec: JsonValue | undefined): [string, string] {
  const containers = objectsAt(spec, 'containers')
  return [containers.map((c) => textAt(c, 'name')).join(','), containers.map((c) => textAt(c, 'image')).join(',')]
}

/** `a=b,c=d` in order of keys; `<none>` for none. */
export function labelsText(labels: JsonValue | undefined): string {
  const entries = Object.entries(stringMap(labels)).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length > 0 ? entries.map(([key, value]) => `${key}=${value}`).join(',') : '<none>'
}
