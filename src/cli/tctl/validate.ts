// `tctl validate -f`: problems of files by themselves, without a management plane.
import type { Command } from 'commander'
import { attempt, TctlError, UsageError } from './errors.ts'
import { readFiles } from './files.ts'
import { printProblems } from './print.ts'
import type { GlobalOptions } from './session.ts'

export function registerValidate(program: Command): void {
  program
    .command('validate')
    .description('Say what is wrong with objects in files, without applying anything')
    .option('-f, --file <file...>', 'YAML or JSON files, folders of them, or - for standard input')
    .action((options: { file?: string[] }, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        if (options.file === undefined) throw new UsageError('-f is missing: which files?')
        const { objects, problems } = readFiles(options.file)
        printProblems(problems)
        const errors = problems.filter(({ severity }) => severity === 'error').length
        if (errors > 0) throw new TctlError(`${errors} ${errors === 1 ? 'error' : 'errors'}`)
        console.log(`${objects.length} ${objects.length === 1 ? 'object is' : 'objects are'} valid`)
      }),
    )
}
