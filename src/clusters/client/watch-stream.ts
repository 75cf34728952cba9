import type { IncomingMessage } from 'node:http'
import type { KubeObject } from '../../resources/index.ts'
import { ApiError, UnreachableError } from './errors.ts'

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: KubeObject
}

const newline = 0x0a

/** The events of a watch's answer, one JSON document per line. ERROR events and broken lines are thrown. */
export async function* watchEvents(response: IncomingMessage, what: string): AsyncGenerator<WatchEvent> {
  let waiting: Buffer[] = []
  try {
    for await (const chunk of response) {
      let rest = chunk as Buffer // No encoding is set: chunks are Buffers.
      for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
        waiting.push(rest.subarray(0, end))
        rest = rest.subarray(end + 1)
        const line = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting)
        waiting = []
        if (line !== undefined && line.length > 0) yield parseEvent(line.toString('utf8'), what)
      }
      if (rest.length > 0) waiting.push(rest)
    }
  } catch (error) {
    if (error instanceof ApiError || error instanceof UnreachableError) throw error
    throw new UnreachableError(`${what}: ${(error as Error).message}`, { cause: error })
  } finally {
    response.destroy()
  }
}

function parseEvent(line: string, what: string): WatchEvent {
  let event: { type: string; object: KubeObject }
  try {
    event = JSON.parse(line) as typeof event // Kubernetes' WatchEvent.
  } catch (error) {
    throw new UnreachableError(`${what}: a line is not JSON: ${line.slice(0, 100)}`, { cause: error })
  }
  if (event.type === 'ERROR') throw ApiError.from(500, event.object, what)
  return event as WatchEvent
}
