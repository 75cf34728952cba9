// What all `fairlead sandbox` commands share.
import { Option } from 'commander'
import {
  FaultError,
  type Lock,
  OrderError,
  order,
  readLock,
  SandboxBusy,
  SpecError,
  StepFailed,
  sandboxDirectory,
  sandboxNames,
} from '../sandbox/index.ts'

/** Runs a command: what the user did wrong is exit code 2, what failed 1; both without a stack trace. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof SpecError || error instanceof FaultError) process.exitCode = 2
    else if (error instanceof OrderError || error instanceof SandboxBusy || error instanceof StepFailed)
      process.exitCode = 1
    else throw error
    console.error(`fairlead: ${error.message}`)
  }
}

/** The supervisor of a running sandbox. Throws `OrderError`, saying how to start one. */
export function supervisorOf(name: string): Lock {
  const lock = readLock(sandboxDirectory(name))
  if (!lock) throw new OrderError(`sandbox ${name} is not up; start it with: fairlead sandbox up${nameFlag(name)}`)
  return lock
}

export function giveOrder<T>(name: string, what: string, body?: unknown): Promise<T> {
  return order<T>(supervisorOf(name).socket, what, body)
}

export function nameFlag(name: string): string {
  return name === 'default' ? '' : ` --name ${name}`
}

/** A whole number of the command line. Throws `SpecError` that names the flag. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text)) throw new SpecError(`${flag} ${text}: a whole number is needed`)
    return Number(text)
  }
}

/** Which sandbox a command means that works on a running one. */
export function runningSandbox(flag = '--name <name>'): Option {
  const up = sandboxNames().filter((name) => readLock(sandboxDirectory(name)))
  const [only] = up.length === 1 ? up : []
  return new Option(flag, 'which sandbox').default(only ?? 'default', 'the one that is up; of several, "default"')
}
