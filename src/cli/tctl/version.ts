// `tctl version`.
import type { Command } from 'commander'
import { attempt } from './errors.ts'
import { type GlobalOptions, openSession, ownVersion } from './session.ts'

export function registerVersion(program: Command): void {
  program
    .command('version')
    .description('Show the version of tctl, and whether the management plane answers')
    .option('--local-only', 'only that of tctl')
    .action((options: { localOnly?: boolean }, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        console.log(`tctl version: v${ownVersion()}`)
        if (options.localOnly) return
        const session = await openSession(command)
        try {
          console.log(`TSB version: v${await session.version()}`)
        } finally {
          session.close()
        }
      }),
    )
}
