// `tctl x audit`: who changed what, newest first.
import type { Command } from 'commander'
import { durationMs } from '../../resources/index.ts'
import type { AuditLogSpec } from '../../resources/tsb/index.ts'
import { attempt, UsageError } from './errors.ts'
import { type Format, formatOption, printObjects, printTable } from './print.ts'
import { kindsNamed, queryOf, type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession, type Session } from './session.ts'

interface Options extends ScopeOptions {
  readonly output: Format
  readonly recursive?: boolean
  readonly since?: string
  readonly user?: string
  readonly operation?: string
  readonly kind?: string
  readonly text?: string
}

export function registerAudit(parent: Command): void {
  withScope(parent.command('audit'))
    .description('Show who changed an object, newest first')
    .argument('<kind>', 'apiVersion/Kind, a kind in any case, its plural or short form')
    .argument('<name>', 'name, or full name')
    .option('--recursive', 'and everything below it')
    .option('--since <time>', 'not older than this: a duration (1h) or a time (RFC 3339)')
    .option('--user <name>', 'by this user')
    .option('--operation <operation>', 'CREATE, UPDATE or DELETE')
    .option('--kind <kind>', 'of this kind')
    .option('--text <text>', 'whose message or difference contains this')
    .addOption(formatOption())
    .action((word: string, name: string, options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        const session = await openSession(command)
        try {
          const fqn = await fqnNamed(word, name, options, session)
          const { recursive, user, operation, kind, text } = options
          const since = options.since === undefined ? undefined : startOf(options.since, Date.now())
          const filter = { fqn, ...(recursive && { isRecursive: true }), since, user, operation, kind, text }
          const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
          const entries = await session.api.audit(given)
          if (options.output === 'table') printTable(tableOf(entries))
          else printObjects(entries.map(shown), options.output)
        } finally {
          session.close()
        }
      }),
    )
}

/** The full name that is asked for; of an object that is gone, as far as the flags name it. */
async function fqnNamed(word: string, name: string, options: ScopeOptions, session: Session): Promise<string> {
  if (name.startsWith('organizations/')) return name
  const [found] = await session.api.find(queryOf(word, name, options, session))
  if (found !== undefined) return found.fqn
  const [kind] = kindsNamed(word)
  const suffix = `/${kind?.segment}/${name}`
  const entries = await session.api.audit({})
  const past = entries.find(({ fqn = '' }) => fqn.endsWith(suffix))?.fqn
  if (past === undefined)
    throw new UsageError(`${word} ${name} not found, and nothing is known of one that was; give its full name`)
  return past
}

function startOf(text: string, now: number): string {
  const ms = durationMs(text)
  const time = ms === undefined ? Date.parse(text) : now - ms
  if (Number.isNaN(time)) throw new UsageError(`--since ${text}: a duration (1h) or a time (RFC 3339) is needed`)
  return new Date(time).toISOString()
}

function tableOf(entries: readonly AuditLogSpec[]): string[][] {
  const rows = entries.map(({ time = '', severity = '', type = '', operation = '', user = '', message = '' }) => [
    time,
    severity,
    type,
    operation,
    user,
    message,
  ])
  return [['TIME', 'SEVERITY', 'TYPE', 'OPERATION', 'USER', 'MESSAGE'], ...rows]
}

function shown({ fqn, ...spec }: AuditLogSpec): object {
  return { apiVersion: 'audit.tetrate.io/v1', kind: 'AuditLog', metadata: { fqn }, spec }
}
