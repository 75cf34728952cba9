// How tctl prints: tables, YAML, JSON, and problems with their places.
import { Option } from 'commander'
import { stringify } from 'yaml'
import type { ChangeResult } from '../../management/index.ts'
import { formatRef } from '../../report/index.ts'
import type { LocatedProblem } from '../../resources/index.ts'
import { columns } from '../print.ts'

export type Format = 'table' | 'yaml' | 'json'

export const formatOption = (): Option =>
  new Option('-o, --output <format>', 'how to print').choices(['table', 'yaml', 'json']).default('table')

/** Prints objects: several as documents of one stream, or as a List. */
export function printObjects(objects: readonly object[], format: 'yaml' | 'json'): void {
  if (format === 'json') {
    const [only, ...more] = objects
    const shown = only !== undefined && more.length === 0 ? only : { apiVersion: 'v1', kind: 'List', items: objects }
    console.log(JSON.stringify(shown, undefined, 2))
  } else console.log(objects.map((each) => stringify(each).trimEnd()).join('\n---\n'))
}

export function printTable(rows: readonly (readonly string[])[]): void {
  for (const line of columns(rows)) console.log(line)
}

/** `FILE:LINE:COLUMN: error: …`, on standard error. */
export function printProblems(problems: readonly LocatedProblem[]): void {
  for (const { at, severity, object, path, message } of problems) {
    const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `
    const what = object.kind === '' ? '' : `${formatRef(object)}: `
    console.error(`${place}${severity}: ${what}${path === '' ? '' : `${path}: `}${message}`)
  }
}

/** One line for each object that was changed. */
export function printChange({ label, fqn, action }: ChangeResult): void {
  console.log(`${label} ${fqn} ${action}`)
}
