// `tctl`: argv → a command. The program is one of its own beside `fairlead`, since the original's users type it so.
import { Command, Option } from 'commander'
import { registerApply } from './apply.ts'
import { registerAudit } from './audit.ts'
import { registerCollect } from './collect.ts'
import { registerCompletion } from './completion.ts'
import { registerConfig } from './config.ts'
import { registerDelete } from './delete.ts'
import { registerEdit } from './edit.ts'
import { registerGet } from './get.ts'
import { registerInstall } from './install.ts'
import { registerLogin } from './login.ts'
import { registerStatus } from './status.ts'
import { registerValidate } from './validate.ts'
import { registerVersion } from './version.ts'
import { registerWait } from './wait.ts'

/** Runs the command line; sets the exit code, and returns when the command is done. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  try {
    await createProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    // commander has printed its message already; wrong usage is exit code 2.
    const code = (error as { exitCode?: number }).exitCode
    if (typeof code !== 'number') throw error
    process.exitCode = code === 0 ? 0 : 2
  }
}

/** All commands; also what completion and the reference page are made from. */
export function createProgram(): Command {
  const program = new Command('tctl')
    .description('Work with the objects of Tetrate Service Bridge: tenants, workspaces, groups and what is in them')
    .option('-c, --config <file>', 'configuration of tctl itself; without: $TCTL_CONFIG, else ~/.tctl/tctl_config')
    .option('-p, --profile <name>', 'profile of that configuration; without: the current one')
    .option('--debug', 'print requests and stack traces')
    .addOption(new Option('--disable-tctl-version-warn', 'accepted; there is no such warning').hideHelp())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
  const experimental = program.command('experimental').alias('x').description('Status, waiting, and the audit log')
  registerApply(program)
  registerGet(program)
  registerDelete(program)
  registerEdit(program)
  registerValidate(program)
  registerStatus(program)
  registerStatus(experimental)
  registerWait(experimental)
  registerAudit(experimental)
  registerConfig(program)
  registerLogin(program)
  registerCollect(program)
  registerInstall(program)
  registerCompletion(program)
  registerVersion(program)
  return program
}
