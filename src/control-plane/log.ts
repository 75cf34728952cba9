import pc from 'picocolors'
import { type Logger, pino } from 'pino'

export type Log = Logger

/** Structured lines on stderr; on a terminal, lines for people. */
export function makeLog(level: string, terminal = process.stderr.isTTY): Log {
  if (!terminal) return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, process.stderr)
  return pino(
    { level, base: null },
    { write: (line: string) => void process.stderr.write(`${forPeople(JSON.parse(line) as Entry)}\n`) },
  )
}

interface Entry {
  level: number
  time: number
  msg?: string
  err?: { message?: string } | string
  [field: string]: unknown
}

function forPeople({ level, time, msg, err, ...fields }: Entry): string {
  const clock = pc.dim(new Date(time).toISOString().slice(11, 23))
  const mark = level >= 50 ? pc.red('✗') : level >= 40 ? pc.yellow('!') : level >= 30 ? pc.green('•') : pc.dim('·')
  const reason = typeof err === 'string' ? err : err?.message
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return [clock, mark, msg ?? '', ...(reason ? [pc.yellow(reason)] : []), pc.dim(rest.join(' '))].join(' ').trimEnd()
}
