// `tctl delete`: objects by file, or by kind and name, with everything below them.
import type { Command } from 'commander'
import { ManagementError, type StoredObject } from '../../management/index.ts'
import { fqnOf, kindLabel } from '../../resources/tsb/index.ts'
import { attempt, TctlError, UsageError } from './errors.ts'
import { readFiles } from './files.ts'
import { printChange, printProblems } from './print.ts'
import { queryOf, type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession, type Session } from './session.ts'

interface Options extends ScopeOptions {
  readonly file?: string[]
}

export function registerDelete(program: Command): void {
  withScope(program.command('delete'))
    .description('Delete objects, with everything below them')
    .argument('[kind]', 'apiVersion/Kind, a kind in any case, its plural or short form')
    .argument('[name]', 'name, or full name')
    .option('-f, --file <file...>', 'the objects of these files, folders, or - for standard input')
    .action((word: string | undefined, name: string | undefined, options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        if ((options.file === undefined) === (word === undefined))
          throw new UsageError('give either -f FILE or KIND NAME')
        if (word !== undefined && name === undefined) throw new UsageError(`which ${word}? Its name is missing`)
        const session = await openSession(command)
        try {
          const found =
            options.file === undefined
              ? [await findOne(word ?? '', name ?? '', options, session)]
              : await findAll(options.file, session)
          const results = await session.api.remove(found, 'tctl delete')
          for (const result of results) printChange(result)
        } finally {
          session.close()
        }
      }),
    )
}

/** The one object that is meant. Throws if there is none, or more than one. */
export async function findOne(
  word: string,
  name: string,
  options: ScopeOptions,
  session: Session,
): Promise<StoredObject> {
  const found = await session.api.find(queryOf(word, name, options, session))
  const [only, ...more] = found
  if (only === undefined) throw new ManagementError('NotFound', `${word} ${name} not found`)
  if (more.length > 0)
    throw new UsageError(
      `there are ${found.length} of that name: ${found.map(({ fqn }) => fqn).join(', ')}; give its full name, or --tenant, -w, …`,
    )
  return only
}

async function findAll(files: readonly string[], session: Session): Promise<StoredObject[]> {
  const { objects, problems } = readFiles(files, 'names')
  const isBroken = problems.filter(({ severity }) => severity === 'error')
  printProblems(isBroken)
  if (isBroken.length > 0) throw new TctlError('nothing was deleted')
  const found: StoredObject[] = []
  for (const { kinds, identity } of objects) {
    const wanted = kinds.map((kind) => ({ kind, fqn: fqnOf({ kind, identity }) }))
    const [kind] = kinds
    const there = await session.api.find({ kinds })
    const match = there.find((each) => wanted.some(({ fqn }) => fqn === each.fqn))
    if (match !== undefined) found.push(match)
    else if (kind !== undefined) throw new ManagementError('NotFound', `${kindLabel(kind)} ${wanted[0]?.fqn} not found`)
  }
  return found
}
