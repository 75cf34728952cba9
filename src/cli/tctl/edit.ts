// `tctl edit`: one object in $EDITOR, and back.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { readApiFile, toApi } from '../../resources/tsb/index.ts'
import { applyObjects } from './apply.ts'
import { findOne } from './delete.ts'
import { attempt, TctlError } from './errors.ts'
import { printProblems } from './print.ts'
import { type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession, type Session } from './session.ts'

export function registerEdit(program: Command): void {
  withScope(program.command('edit'))
    .description('Change an object in $EDITOR')
    .argument('<kind>', 'apiVersion/Kind, a kind in any case, its plural or short form')
    .argument('<name>', 'name, or full name')
    .action((word: string, name: string, options: ScopeOptions, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        const session = await openSession(command)
        try {
          await edit(word, name, options, session)
        } finally {
          session.close()
        }
      }),
    )
}

async function edit(word: string, name: string, options: ScopeOptions, session: Session): Promise<void> {
  const { object } = await findOne(word, name, options, session)
  const before = stringify(toApi(object))
  const folder = mkdtempSync(join(tmpdir(), 'tctl-edit-'))
  const file = join(folder, `${name.split('/').at(-1)}.yaml`)
  try {
    writeFileSync(file, before, { mode: 0o600 })
    const [editor = 'vi', ...args] = (process.env['VISUAL'] ?? process.env['EDITOR'] ?? 'vi').split(/\s+/)
    const { status, error } = spawnSync(editor, [...args, file], { stdio: 'inherit' })
    if (error !== undefined || status !== 0)
      throw new TctlError(`${editor} failed${error ? `: ${error.message}` : ''}; nothing was changed`)
    const after = readFileSync(file, 'utf8')
    if (after === before) return console.log('nothing was changed')
    const { objects, problems } = readApiFile(after, file)
    printProblems(problems)
    if (problems.some(({ severity }) => severity === 'error')) throw new TctlError('nothing was changed')
    // The etag that was read is in the text: a change of someone else in the meantime is a conflict.
    return await applyObjects(objects, session)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
