// `tctl x wait`: until an object has a status, or an event has come.
import type { Command } from 'commander'
import { sleep } from '../../clusters/index.ts'
import { durationMs } from '../../resources/index.ts'
import { attempt, TctlError, UsageError } from './errors.ts'
import { queryOf, type ScopeOptions, withScope } from './scope.ts'
import { type GlobalOptions, openSession } from './session.ts'

interface Options extends ScopeOptions {
  readonly status: string
  readonly event?: string
  readonly timeout: string
}

const pollMs = 500

export function registerWait(parent: Command): void {
  withScope(parent.command('wait'))
    .description('Wait until an object is in force')
    .argument('<kind>', 'apiVersion/Kind, a kind in any case, its plural or short form')
    .argument('<name>', 'name, or full name')
    .option('--status <status>', 'which status to wait for', 'READY')
    .option('--event <event>', 'wait for this event instead, for example XCP_APPLIED')
    .option('--timeout <duration>', 'how long at most', '2m')
    .action((word: string, name: string, options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, async () => {
        const timeoutMs = durationMs(options.timeout)
        if (timeoutMs === undefined)
          throw new UsageError(`--timeout ${options.timeout}: a duration like 30s or 2m is needed`)
        const session = await openSession(command)
        try {
          const query = queryOf(word, name, options, session)
          const deadline = Date.now() + timeoutMs
          for (;;) {
            const [found] = await session.api.status(query)
            if (found === undefined) throw new TctlError(`NotFound: ${word} ${name} not found`)
            const { status, message = '', configEvents } = found.spec
            const events = configEvents?.events.map(({ type }) => type) ?? []
            const isThere = options.event === undefined ? status === options.status : events.includes(options.event)
            if (isThere) return console.log(`${name} ${options.event ?? status}`)
            if (status === 'FAILED') throw new TctlError(`${name} FAILED: ${message}`)
            if (Date.now() >= deadline)
              throw new TctlError(
                `${name} is ${status} after ${options.timeout}${message === '' ? '' : `: ${message}`}`,
              )
            await sleep(pollMs)
          }
        } finally {
          session.close()
        }
      }),
    )
}
