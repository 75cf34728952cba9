// Files, folders and standard input of `-f`.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { LocatedProblem } from '../../resources/index.ts'
import { type ReadApiObject, type ReadFor, readApiFile } from '../../resources/tsb/index.ts'
import { UsageError } from './errors.ts'

/** What stands in the files. `file` of each object says where it came from. */
export function readFiles(
  names: readonly string[],
  purpose?: ReadFor,
): { objects: ReadApiObject[]; problems: LocatedProblem[] } {
  const objects: ReadApiObject[] = []
  const problems: LocatedProblem[] = []
  for (const name of names.flatMap(expand)) {
    const read = readApiFile(textOf(name), name === '-' ? '<stdin>' : name, purpose)
    objects.push(...read.objects)
    problems.push(...read.problems)
  }
  return { objects, problems }
}

/** The YAML and JSON files of a folder, in the order of their names. */
function expand(name: string): string[] {
  if (name === '-') return [name]
  try {
    if (!statSync(name).isDirectory()) return [name]
    const files = readdirSync(name).filter((file) => /\.(ya?ml|json)$/.test(file))
    return files.sort().map((file) => join(name, file))
  } catch (error) {
    throw new UsageError(
      `${name}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : String(error)}`,
    )
  }
}

function textOf(name: string): string {
  try {
    return readFileSync(name === '-' ? 0 : name, 'utf8')
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
