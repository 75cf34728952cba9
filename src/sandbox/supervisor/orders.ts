// What the supervisor of a sandbox does when commands ask it to.
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultOrder } from '../faults/index.ts'
import { order, serveOrders } from './control-socket.ts'
import { sandboxDirectory } from './home.ts'
import { readLock } from './lock.ts'
import { endProcess, isAlive } from './process-id.ts'
import type { ProgressEvent } from './progress.ts'
import type { SandboxHandle } from './sandbox.ts'
import type { SampleSpec } from './spec.ts'

/** How far a starting sandbox is. */
export interface StartProgress {
  readonly events: readonly ProgressEvent[]
  readonly state: 'starting' | 'ready' | 'failed'
}

/** Takes orders for a sandbox that is being started, then for the running one. */
export interface OrderDesk {
  readonly progress: (event: ProgressEvent) => void
  /** From now on the sandbox can be worked with. */
  open(sandbox: SandboxHandle): void
  close(): Promise<void>
}

/** Opens the control socket; `down` is called when somebody asks for the end. */
export async function openOrderDesk(socket: string, down: () => void): Promise<OrderDesk> {
  const events: ProgressEvent[] = []
  let sandbox: SandboxHandle | undefined
  const running = (): SandboxHandle => {
    if (!sandbox) throw new Error('the sandbox is still starting')
    return sandbox
  }
  const close = await serveOrders(socket, {
    progress: async (): Promise<StartProgress> => ({ events, state: sandbox ? 'ready' : 'starting' }),
    status: async () => running().status(),
    fault: async (body) => ({ name: await running().fault(body as FaultOrder) }),
    faults: async () => running().faults(),
    sample: async (body) => {
      await running().installSample(body as SampleSpec)
      return {}
    },
    'restart-control-plane': async () => {
      await running().restartControlPlane()
      return {}
    },
    down: async () => {
      setImmediate(down)
      return {}
    },
  })
  return {
    progress: (event) => void events.push(event),
    open: (handle) => {
      sandbox = handle
    },
    close,
  }
}

/** Ends the sandbox of this name, whatever state it is in. False if none was running. */
export async function stopSandbox(name: string, withinMs = 60_000): Promise<boolean> {
  const lock = readLock(sandboxDirectory(name))
  if (!lock) return false
  await order(lock.socket, 'down').catch(() => undefined)
  for (const end = Date.now() + withinMs; Date.now() < end; await delay(50)) if (!isAlive(lock)) return true
  await endProcess(lock, 10_000)
  return true
}
