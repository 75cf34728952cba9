// Entry point of every built-in sample program: node main.ts PROGRAM [ARGUMENT…]
import { obeyLauncher } from './serve.ts'

interface Program {
  start(args: readonly string[]): void
}

const [, , name = '', ...args] = process.argv
obeyLauncher()
const program = (await import(`./${name}.ts`)) as Program
program.start(args)
