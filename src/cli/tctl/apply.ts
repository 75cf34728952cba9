// `tctl apply -f`: objects are made as they are written.
import type { Command } from 'commander'
import type { ApplyRequest, ChangeResult } from '../../management/index.ts'
import type { LocatedProblem } from '../../resources/index.ts'
import type { ReadApiObject } from '../../resources/tsb/index.ts'
import { attempt, TctlError, UsageError } from './errors.ts'
import { readFiles } from './files.ts'
import { printChange, printProblems } from './print.ts'
import { type GlobalOptions, openSession, type Session } from './session.ts'

interface Options extends GlobalOptions {
  readonly file?: string[]
  readonly org?: string
  readonly tenant?: string
}

export function registerApply(program: Command): void {
  program
    .command('apply')
    .description('Create objects, or change them to what is written')
    .option('-f, --file <file...>', 'YAML or JSON files, folders of them, or - for standard input')
    .option('--org <name>', 'organization of objects that name none')
    .option('--tenant <name>', 'tenant of objects that name none')
    .addHelpText(
      'after',
      `
All objects of the files are applied, parents first, or none if one is refused.
Exit code: 0, 1 if something is refused or cannot be reached, 2 for wrong usage.`,
    )
    .action((options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        if (options.file === undefined) throw new UsageError('-f is missing: which files?')
        const { objects, problems } = readFiles(options.file)
        printProblems(problems)
        if (problems.some(({ severity }) => severity === 'error')) throw new TctlError('nothing was applied')
        const session = await openSession(command)
        try {
          await applyObjects(objects, session, options)
        } finally {
          session.close()
        }
      }),
    )
}

/** Applies what was read; prints what became of each object. Throws TctlError if something was refused. */
export async function applyObjects(
  objects: readonly ReadApiObject[],
  session: Session,
  { org, tenant }: Pick<Options, 'org' | 'tenant'> = {},
): Promise<void> {
  const requests = objects.map((object) => requestOf(object, org ?? session.org, tenant ?? session.tenant))
  const results = await session.api.apply(requests, 'tctl apply')
  const isRefused = results.some(({ action }) => action === 'refused')
  for (const result of results) {
    printProblems(problemsOf(result, objects[result.request ?? -1]))
    if (!isRefused) printChange(result)
  }
  const codes = results.flatMap(({ code }) => code ?? [])
  if (isRefused) throw new TctlError(`${[...new Set(codes)].join(', ')}: nothing was applied`)
}

/** What the profile says fills in what the object does not. */
function requestOf(
  { kinds, identity, spec, labels, annotations, namespace, etag }: ReadApiObject,
  org: string,
  tenant: string,
): ApplyRequest {
  const [kind] = kinds
  const isBelowTenant = kind !== undefined && !['', 'organization'].includes(kind.parent)
  const isBelowOrganization = kind !== undefined && kind.parent !== ''
  return {
    kinds,
    identity: {
      ...identity,
      organization: identity.organization || (isBelowOrganization ? org : ''),
      tenant: identity.tenant || (isBelowTenant ? tenant : ''),
    },
    spec,
    labels,
    annotations,
    etag,
    ...(namespace !== '' && { namespace }),
  }
}

function problemsOf({ label, fqn, findings }: ChangeResult, read: ReadApiObject | undefined): LocatedProblem[] {
  const object = { cluster: '', apiVersion: '', kind: label, namespace: '', name: fqn }
  return findings.map(({ severity, path, message }) => ({
    code: 'invalid-value',
    severity,
    object,
    path,
    message,
    ...(read !== undefined && { at: read.locate(path) }),
  }))
}
