import { createServer } from 'node:net'

/** Annotation of a Service: JSON object of service port → port on which its load balancer really listens. */
export const loadBalancerPortsAnnotation = 'fairlead.dev/load-balancer-ports'

/** First port that any user may bind. */
const firstFree = 1024
const shiftBy = 10_000

/** The port to listen on for a service's port: itself, or shifted where an ordinary user cannot bind it. */
export function listenPort(port: number, lowPorts: 'free' | 'reserved'): number {
  return port < firstFree && lowPorts === 'reserved' ? port + shiftBy : port
}

/** Whether this process may bind ports below 1024 on `address`. */
export function lowPortsOn(address: string): Promise<'free' | 'reserved'> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'EPERM') resolve('reserved')
      else if (error.code === 'EADDRINUSE') resolve('free')
      else reject(error)
    })
    // Any reserved port tells; this one has no use (1, tcpmux).
    server.listen(1, address, () => server.close(() => resolve('free')))
  })
}
