// How commands talk to the supervisor of a sandbox: JSON over HTTP on a Unix socket that only its user can open.
import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the supervisor does when asked; the result is sent back. A throw becomes the answer's error. */
export type Order = (body: unknown) => Promise<unknown>

/** An order that the supervisor refused, or could not carry out. */
export class OrderError extends Error {
  override readonly name = 'OrderError'
}

/** Socket addresses end at about 100 characters: a long path is replaced by a short one that it determines. */
export function socketPath(directory: string): string {
  const path = join(directory, 'control.sock')
  if (Buffer.byteLength(path) < 100) return path
  const short = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return join(tmpdir(), `fairlead-${short}.sock`)
}

/** Takes orders until closed. */
export async function serveOrders(path: string, orders: Readonly<Record<string, Order>>): Promise<() => Promise<void>> {
  rmSync(path, { force: true })
  const server = createServer((incoming, outgoing) => {
    const answer = (status: number, body: unknown): void => {
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null))
    }
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const name = (incoming.url ?? '').slice(1)
      const order = orders[name]
      if (!order) return answer(404, { error: `unknown order ${name}` })
      const text = Buffer.concat(chunks).toString()
      Promise.resolve()
        .then(() => order(text === '' ? undefined : JSON.parse(text)))
        .then((result) => answer(200, result))
        .catch((error: unknown) => answer(400, { error: error instanceof Error ? error.message : String(error) }))
    })
  })
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    rmSync(path, { force: true })
  }
}

/** Gives an order; resolves with its result. */
export function order<T>(path: string, name: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: `/${name}`, method: 'POST' }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const result = JSON.parse(Buffer.concat(chunks).toString()) as T & { error?: string }
        if (incoming.statusCode === 200) resolve(result)
        else reject(new OrderError(result.error ?? `status ${incoming.statusCode}`))
      })
    })
    outgoing.on('error', (cause) => reject(new OrderError(`the sandbox does not answer: ${cause.message}`, { cause })))
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
