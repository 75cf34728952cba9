// kubectl logs: a container's log file, lines of `RFC 3339 time with nanoseconds, space, text`.
import { createReadStream, type FSWatcher, statSync, watch } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'

/** PodLogOptions of the Kubernetes API. */
export interface LogOptions {
  readonly follow: boolean
  readonly timestamps: boolean
  readonly tailLines: number | undefined
  /** Lines before this moment are left out (milliseconds since the epoch). */
  readonly sinceMs: number | undefined
  readonly limitBytes: number | undefined
}

export function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const number = (name: string): number | undefined => {
    const text = query.get(name)
    return text === null || !/^\d+$/.test(text) ? undefined : Number(text)
  }
  const seconds = number('sinceSeconds')
  const time = Date.parse(query.get('sinceTime') ?? '')
  const since = seconds !== undefined ? nowMs - seconds * 1000 : Number.isNaN(time) ? undefined : time
  return {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    tailLines: number('tailLines'),
    sinceMs: since,
    limitBytes: number('limitBytes'),
  }
}

/** Writes the log to `out` and ends it; with `follow`, when the container has ended or the reader has gone. */
export async function sendLog(
  path: string,
  options: LogOptions,
  out: Writable,
  isRunning: () => boolean,
): Promise<void> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY
  const print = (line: string): void => {
    const shown = shownLine(line, options)
    if (shown === undefined || left <= 0) return
    const bytes = Buffer.from(`${shown}\n`).subarray(0, left)
    left -= bytes.length
    out.write(bytes)
  }
  let read = sizeOf(path)
  const tail: string[] = []
  for await (const line of linesOf(path, 0, read)) {
    if (options.tailLines === undefined) print(line)
    else {
      tail.push(line)
      if (tail.length > options.tailLines) tail.shift()
    }
  }
  for (const line of tail) print(line)
  while (options.follow && left > 0 && !out.destroyed) {
    const size = sizeOf(path)
    if (size < read) read = 0 // rotated
    if (size > read) {
      const from = read
      read = size
      for await (const line of linesOf(path, from, size)) print(line)
    } else if (!isRunning()) break
    else await changed(path, out)
  }
  out.end()
}

function shownLine(line: string, options: LogOptions): string | undefined {
  const space = line.indexOf(' ')
  if (options.sinceMs !== undefined && Date.parse(line.slice(0, space)) < options.sinceMs) return undefined
  return options.timestamps ? line : line.slice(space + 1)
}

function linesOf(path: string, start: number, end: number): AsyncIterable<string> {
  if (end <= start) return (async function* () {})()
  return createInterface({
    input: createReadStream(path, { start, end: end - 1 }),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

const recheckMs = 1000

/** Resolves when the file may have changed, the reader has gone, or a second has passed (the container may have ended). */
function changed(path: string, out: Writable): Promise<void> {
  return new Promise((resolve) => {
    let watcher: FSWatcher | undefined
    const done = (): void => {
      clearTimeout(timer)
      watcher?.close()
      out.off('close', done)
      resolve()
    }
    const timer = setTimeout(done, recheckMs)
    out.once('close', done)
    try {
      watcher = watch(path, done)
      watcher.on('error', done)
    } catch {
      // The file is gone for the moment (rotation): the timer looks again.
      watcher = undefined
    }
  })
}
