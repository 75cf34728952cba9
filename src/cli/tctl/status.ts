// `tctl status`, `tctl x status`: whether what was written is in force.
import type { Command } from 'commander'
import type { ResourceStatus } from '../../management/index.ts'
import { attempt, TctlError } from './errors.ts'
import { type Format, formatOption, printObjects, printTable } from './print.ts'
import { queryOf, type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession } from './session.ts'

interface Options extends ScopeOptions {
  readonly output: Format
}

export function registerStatus(parent: Command): void {
  withScope(parent.command('status'))
    .description('Show whether objects are in force')
    .argument('<kind>', 'apiVersion/Kind, a kind in any case, its plural or short form')
    .argument('[name]', 'name, or full name')
    .addOption(formatOption())
    .addHelpText(
      'after',
      `
ACCEPTED: valid and stored.  READY: in force in every cluster that it is for.  PARTIAL: in some.  FAILED: see message.
The status of a workspace or group is the worst of what is in it.`,
    )
    .action((word: string, name: string | undefined, options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        const session = await openSession(command)
        try {
          const found = await session.api.status(queryOf(word, name, options, session))
          if (found.length === 0 && name !== undefined) throw new TctlError(`NotFound: ${word} ${name} not found`)
          if (options.output === 'table') printTable(tableOf(found))
          else printObjects(found, options.output)
        } finally {
          session.close()
        }
      }),
    )
}

function tableOf(found: readonly ResourceStatus[]): string[][] {
  const rows = found.map(({ metadata, spec }) => [
    metadata['name'] ?? metadata['fqn'] ?? '',
    spec.status,
    spec.configEvents?.events[0]?.type ?? '',
    spec.message ?? '',
  ])
  return [['NAME', 'STATUS', 'LAST EVENT', 'MESSAGE'], ...rows]
}
