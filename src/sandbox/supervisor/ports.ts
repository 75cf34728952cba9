import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Whether a TCP port of the address can be bound now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The preferred port if it is free, else any that is. */
export async function freePort(preferred: number | undefined, host = '127.0.0.1'): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred, host))) return preferred
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host }, () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address) resolve(address.port)
        else reject(new Error(`no port is free on ${host}`))
      })
    })
  })
}

/** Waits until somebody listens; throws after `withinMs`. */
export async function awaitListening(host: string, port: number, withinMs: number): Promise<void> {
  for (const end = Date.now() + withinMs; !(await isListening(host, port)); await delay(50)) {
    if (Date.now() > end) throw new Error(`nothing listens on ${host}:${port} after ${withinMs / 1000} s`)
  }
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
