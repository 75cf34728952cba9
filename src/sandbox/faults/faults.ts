// Faults in force, by name: begun against a sandbox, ended by undoing what each did.
import { checkFault, FaultError, type FaultOrder } from './order.ts'

/** A pod or VM that runs on this machine, as faults see it. */
export interface Victim {
  /** For messages: `cluster/namespace/pod`. */
  readonly name: string
  /** What its programs do to requests; undefined ends it. */
  setProgramFault(fault: { status?: number; delayMs?: number } | undefined): void
  /** Signals all its processes, proxies included, or those of one container. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT', container?: string): void
  /** Undoes a kill, where nobody else does. */
  revive?(): void
}

/** What faults can be done to; the supervisor implements it. */
export interface FaultTargets {
  /** Pods of a Deployment, a namespace or a whole cluster, in the order of their names. */
  pods(context: string, namespace?: string, deployment?: string): Promise<Victim[]>
  vm(name: string): Victim
  setReachable(context: string, reachable: boolean): Promise<void>
  /** Lets nothing that one cluster opens reach the other one, or joins them again. */
  setCut(from: string, to: string, cut: boolean): Promise<void>
  controlPlane: { kill(): Promise<void>; start(): Promise<void>; signal(signal: 'SIGSTOP' | 'SIGCONT'): void }
}

type Undo = () => Promise<void> | void

export class Faults {
  private readonly targets: FaultTargets
  private readonly active = new Map<string, { order: FaultOrder; undo: Undo }>()
  private count = 0

  constructor(targets: FaultTargets) {
    this.targets = targets
  }

  /** The faults in force. */
  list(): FaultOrder[] {
    return [...this.active].map(([name, { order }]) => ({ ...order, name }))
  }

  /** Begins or heals a fault; returns its name. A fault of the same name is healed first. Throws `FaultError`. */
  async apply(order: FaultOrder): Promise<string> {
    checkFault(order)
    if (order.kind === 'heal') return this.heal(order.name)
    const name = order.name ?? `${order.kind}-${++this.count}`
    if (this.active.has(name)) await this.heal(name)
    this.active.set(name, { order, undo: await this.begin(order) })
    return name
  }

  /** Ends one fault, or all if no name is given. */
  async heal(name?: string): Promise<string> {
    const names = name === undefined ? [...this.active.keys()] : [name]
    for (const one of names) {
      const fault = this.active.get(one)
      if (!fault) {
        const known = [...this.active.keys()].join(', ') || 'none'
        throw new FaultError(`there is no fault named ${one}; in force: ${known}`)
      }
      this.active.delete(one)
      await fault.undo()
    }
    return names.join(', ')
  }

  private async begin(order: FaultOrder): Promise<Undo> {
    if (order.target === 'control-plane') return this.onControlPlane(order)
    const { context = '', to = '' } = order
    switch (order.kind) {
      case 'api-down':
        await this.targets.setReachable(context, false)
        return () => this.targets.setReachable(context, true)
      case 'cut': {
        const ways = order.oneWay
          ? [[context, to]]
          : [
              [context, to],
              [to, context],
            ]
        const set = async (cut: boolean): Promise<void> => {
          for (const [from = '', end = ''] of ways) await this.targets.setCut(from, end, cut)
        }
        await set(true)
        return () => set(false)
      }
      default:
        return onVictims(order, await this.victims(order))
    }
  }

  private async victims(order: FaultOrder): Promise<Victim[]> {
    if (order.vm !== undefined) return [this.targets.vm(order.vm)]
    const { context = '', namespace, deployment } = order
    const found = await this.targets.pods(context, namespace, deployment)
    const where = [context, namespace, deployment].filter((part) => part !== undefined).join('/')
    if (found.length === 0) throw new FaultError(`no pod runs in ${where}`)
    if (order.pods !== undefined && found.length < order.pods) {
      throw new FaultError(`only ${found.length} pods run in ${where}`)
    }
    return found.slice(0, order.pods)
  }

  private async onControlPlane(order: FaultOrder): Promise<Undo> {
    const { controlPlane } = this.targets
    switch (order.kind) {
      case 'kill':
        await controlPlane.kill()
        return () => controlPlane.start()
      case 'pause':
      case 'black-hole':
        controlPlane.signal('SIGSTOP')
        return () => controlPlane.signal('SIGCONT')
      default:
        throw new FaultError(`fault ${order.kind} cannot be done to the control plane`)
    }
  }
}

function onVictims(order: FaultOrder, victims: readonly Victim[]): Undo {
  const each = (work: (victim: Victim) => void): void => victims.forEach(work)
  switch (order.kind) {
    case 'answer':
      each((victim) => victim.setProgramFault({ status: order.status ?? 503 }))
      return () => each((victim) => victim.setProgramFault(undefined))
    case 'slow':
      each((victim) => victim.setProgramFault({ delayMs: order.delayMs ?? 0 }))
      return () => each((victim) => victim.setProgramFault(undefined))
    case 'kill':
      // Pods are started again by whoever runs them: there is nothing to undo.
      each((victim) => victim.signal('SIGKILL', order.container))
      return () => each((victim) => victim.revive?.())
    case 'pause':
    case 'black-hole':
      each((victim) => victim.signal('SIGSTOP', order.container))
      return () => each((victim) => victim.signal('SIGCONT', order.container))
    default:
      throw new FaultError(`fault ${order.kind} cannot be done to pods`)
  }
}
