import { nameOf, textAt } from '../json.ts'
import type { TablePrinter } from '../resource.ts'
import { age } from './age.ts'

/** Name and age: what kinds show that have no columns of their own. */
export const plainTable: TablePrinter = {
  columns: [
    { name: 'Name', type: 'string', format: 'name' },
    { name: 'Age', type: 'string' },
  ],
  cells: (object) => [nameOf(object), age(textAt(object, 'metadata', 'creationTimestamp'))],
}
