// `tctl get`: objects as tables, YAML or JSON.
import type { Command } from 'commander'
import type { Query, StoredObject } from '../../management/index.ts'
import { fqnOf, kindLabel, parentFqn, toApi } from '../../resources/tsb/index.ts'
import { attempt, TctlError } from './errors.ts'
import { type Format, formatOption, printObjects, printTable } from './print.ts'
import { queryOf, type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession } from './session.ts'

interface Options extends ScopeOptions {
  readonly output: Format
  readonly kind?: string
  readonly apiVersion?: string
  readonly fqn?: string
}

export function registerGet(program: Command): void {
  withScope(program.command('get'))
    .description('Show objects of a kind, one of them, or all')
    .argument('<kind>', 'apiVersion/Kind, a kind in any case, its plural or short form; or all')
    .argument('[name]', 'name, or full name')
    .addOption(formatOption())
    .option('--kind <kind>', 'with all: only this kind')
    .option('--api-version <version>', 'with all: only this apiVersion')
    .option('--fqn <text>', 'with all: only full names that contain this')
    .option('--max-concurrent-requests <number>', 'accepted; requests go in parallel anyway')
    .action((word: string, name: string | undefined, options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        const session = await openSession(command)
        try {
          const query: Query = word === 'all' ? {} : queryOf(word, name, options, session)
          const found = await session.api.find(query)
          const shown = word === 'all' ? found.filter((each) => isWanted(each, options)) : found
          if (shown.length === 0 && name !== undefined) throw new TctlError(`NotFound: ${word} ${name} not found`)
          print(shown, options.output, word === 'all')
        } finally {
          session.close()
        }
      }),
    )
}

function isWanted({ kind, fqn }: StoredObject, options: Options): boolean {
  const same = (a: string, b: string | undefined): boolean => b === undefined || a.toLowerCase() === b.toLowerCase()
  return (
    same(kind.kind, options.kind) &&
    same(kind.apiVersion, options.apiVersion) &&
    (options.fqn === undefined || fqn.includes(options.fqn))
  )
}

function print(found: readonly StoredObject[], format: Format, isAll: boolean): void {
  if (format !== 'table')
    return printObjects(
      found.flatMap(({ object }) => toApi(object) ?? []),
      format,
    )
  if (found.length === 0) return console.error('No resources found')
  return printTable(isAll ? tableOfAll(found) : tableOf(found))
}

function tableOfAll(found: readonly StoredObject[]): string[][] {
  return [['KIND', 'FQN'], ...found.map(({ kind, fqn }) => [kindLabel(kind), fqn])]
}

/** The place is shown where objects of several places are. */
function tableOf(found: readonly StoredObject[]): string[][] {
  const places = found.map(({ kind, identity }) => parentFqn(kind, identity))
  const isMixed = new Set(places).size > 1
  const rows = found.map(({ kind, identity, object }, i) => {
    const { displayName = '', description = '' } = (object.spec ?? {}) as { displayName?: string; description?: string }
    const name = kind.bindingsOf === undefined ? identity.name : fqnOf({ kind, identity })
    return [name, displayName, description, ...(isMixed ? [places[i] ?? ''] : [])]
  })
  return [['NAME', 'DISPLAY NAME', 'DESCRIPTION', ...(isMixed ? ['PARENT'] : [])], ...rows]
}
