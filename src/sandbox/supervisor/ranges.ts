// Addresses of a cluster: a range of the loopback network of its own, not shared with any other cluster of any sandbox
// of any user of this machine. A range is held by a listening socket, so it is free again when its holder dies.
import { createServer, type Server } from 'node:net'

/** The addresses of one cluster. `slot` is the number behind them all. */
export interface ClusterAddresses {
  readonly slot: number
  /** Everything that pods call from and are called at: `127.16.0.0/16`. */
  readonly pods: string
  /** Where the programs behind a proxy listen: `127.80.0.0/16`. */
  readonly programs: string
  readonly node: string
  readonly loadBalancerAdmin: string
  /** Where the control plane reaches the API server, so that it can be cut off from it. */
  readonly apiFront: string
  readonly loadBalancers: { readonly from: string; readonly count: number }
  /** Of machines outside of the cluster that join its mesh, by their number from 1 on. */
  readonly machine: (number: number) => { readonly address: string; readonly programAddress: string }
}

const firstSlot = 16
const lastSlot = 79
/** Distance between the range of pods and that of their programs. */
export const programOffset = 64
const claimPort = 15_999

export function addressesOf(slot: number): ClusterAddresses {
  return {
    slot,
    pods: `127.${slot}.0.0/16`,
    programs: `127.${slot + programOffset}.0.0/16`,
    node: `127.${slot}.0.1`,
    loadBalancerAdmin: `127.${slot}.0.2`,
    apiFront: `127.${slot}.0.3`,
    loadBalancers: { from: `127.${slot}.240.1`, count: 254 },
    machine: (number) => ({
      address: `127.${slot}.241.${number}`,
      programAddress: `127.${slot + programOffset}.241.${number}`,
    }),
  }
}

export interface Claim {
  readonly addresses: ClusterAddresses
  release(): void
}

/** Claims a free range; the preferred one, if it is free. */
export async function claimAddresses(preferred?: number): Promise<Claim> {
  const all = Array.from({ length: lastSlot - firstSlot + 1 }, (_, i) => firstSlot + i)
  const order = preferred === undefined ? all : [preferred, ...all.filter((slot) => slot !== preferred)]
  for (const slot of order) {
    const server = await listen(addressesOf(slot).node)
    if (server) return { addresses: addressesOf(slot), release: () => server.close() }
  }
  throw new Error(`all ${all.length} address ranges of the loopback network are in use by other clusters`)
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else if (error.code === 'EADDRNOTAVAIL') reject(new Error(`${address} is not an address of this machine`))
      else reject(error)
    })
    server.listen({ host: address, port: claimPort, exclusive: true }, () => {
      server.unref()
      resolve(server)
    })
  })
}
