// `fairlead vm`: machines outside of all clusters join a mesh.
import type { Command } from 'commander'
import { ApiError, KubeconfigError, UnreachableError } from '../clusters/index.ts'
import { ConfigureError, MachineFilesError } from '../vm/index.ts'
import { registerBootstrap } from './vm-bootstrap.ts'
import { registerOnboard } from './vm-onboard.ts'
import { registerRun } from './vm-run.ts'
import { VmUsageError } from './vm-target.ts'

export function register(program: Command): void {
  const vm = program.command('vm').description('Let machines outside of all clusters join a mesh')
  registerBootstrap(vm, attempt)
  registerOnboard(vm, attempt)
  registerRun(vm, attempt)
}

/** Wrong usage is exit code 2, what failed 1; both without a stack trace. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof VmUsageError || error instanceof KubeconfigError || error instanceof MachineFilesError)
      process.exitCode = 2
    else if (error instanceof ConfigureError || error instanceof ApiError || error instanceof UnreachableError)
      process.exitCode = 1
    else throw error
    console.error(`fairlead: ${error.message}`)
  }
}
