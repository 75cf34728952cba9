// The command `meshctl`: what operators of Gloo Mesh type, against Fairlead. Each file is one command.
import { Command } from 'commander'
import * as check from './check.ts'
import * as cluster from './cluster.ts'
import * as describe from './describe.ts'
import * as snapshot from './snapshot.ts'
import * as version from './version.ts'

/** The commands of meshctl; each adds itself to the program. */
const meshctlCommands: readonly ((program: Command) => void)[] = [
  check.register,
  cluster.register,
  describe.register,
  snapshot.register,
  version.register,
]

/** Runs the command line; sets the exit code, and returns when the command is done. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(withFlagsLast(argv), { from: 'user' })
  } catch (error) {
    // commander has printed its message already.
    const { exitCode, code } = error as { code?: string; exitCode?: number }
    if (typeof exitCode !== 'number') throw error
    process.exitCode = exitCode === 0 ? 0 : code === 'commander.error' ? exitCode : 2
  }
}

const globalFlags = ['--kubeconfig', '--kubecontext', '--namespace']

/** Flags that say which cluster is meant may stand before the command, too. */
export function withFlagsLast(argv: readonly string[]): string[] {
  const rest = [...argv]
  const moved: string[] = []
  for (;;) {
    const [name = '', value] = (rest[0] ?? '').split(/=(.*)/s)
    if (!globalFlags.includes(name)) break
    moved.push(...rest.splice(0, value === undefined ? 2 : 1))
  }
  const end = rest.indexOf('--')
  return end < 0 ? [...rest, ...moved] : [...rest.slice(0, end), ...moved, ...rest.slice(end)]
}

/** All commands; the reference page is made from them too. */
export function createProgram(): Command {
  const program = new Command('meshctl')
    .description('The Command Line Interface for managing Gloo Mesh.')
    .version('0.1.0')
    .option('-v, --verbose', 'accepted for the sake of scripts; has no effect')
    .exitOverride()
  for (const register of meshctlCommands) register(program)
  return program
}
