import { createServer } from 'node:net'
import type { Engine } from '../pipeline/index.ts'
import type { Inputs } from './inputs.ts'
import type { Address } from './options.ts'

const settleMs = 15_000

/** Waits until each cluster is known or cannot be reached, and the pipeline is at rest; not for ever. */
export async function settle(inputs: Inputs, engine: Engine, isStopping: () => boolean): Promise<void> {
  const until = performance.now() + settleMs
  while (!isStopping()) {
    const { clusters } = inputs.fleet
    const open = clusters.filter(({ state }) => !state.synced && state.problem === undefined)
    const isAnyKnown = clusters.some(({ state }) => state.synced || state.uid !== undefined)
    if (open.length === 0 && isAnyKnown && !engine.dirty) return
    if (isAnyKnown && performance.now() > until) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Rejects as `listen` does: the xDS ports are opened later, and a port that is taken is to be told at once. */
export async function checkFree({ host, port }: Address): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen({ host, port }, () => resolve())
  })
  await new Promise((resolve) => probe.close(resolve))
}
