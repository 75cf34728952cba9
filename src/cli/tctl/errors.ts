import { ApiError, KubeconfigError, UnreachableError } from '../../clusters/index.ts'
import { ManagementError } from '../../management/index.ts'
import { OrderError } from '../../sandbox/index.ts'

/** Something that the user can set right; printed without a stack trace. */
export class TctlError extends Error {
  override readonly name: string = 'TctlError'
}

/** The command line makes no sense: exit code 2. */
export class UsageError extends TctlError {
  override readonly name = 'UsageError'
}

/** Runs a command: wrong usage is exit code 2, what is refused or failed 1, both without a stack trace. */
export async function attempt(isDebug: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const known =
      error instanceof TctlError ||
      error instanceof ManagementError ||
      error instanceof ApiError ||
      error instanceof OrderError ||
      error instanceof UnreachableError ||
      error instanceof KubeconfigError
    if (!known) throw error
    process.exitCode = error instanceof UsageError ? 2 : 1
    const code = error instanceof ManagementError ? `${error.code}: ` : ''
    console.error(`Error: ${code}${error.message}`)
    if (isDebug) console.error(error.stack)
  }
}
