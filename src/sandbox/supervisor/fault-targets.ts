// What faults do to a sandbox.
import { FaultError, type FaultTargets } from '../faults/index.ts'
import type { ControlPlane } from './control-plane.ts'
import type { Sandbox } from './sandbox.ts'

export function faultTargets(sandbox: Sandbox): FaultTargets {
  const controlPlane = (): ControlPlane => {
    if (!sandbox.controlPlane) throw new FaultError('the sandbox runs without a control plane')
    return sandbox.controlPlane
  }
  return {
    pods: async (context, namespace, deployment) => sandbox.clusterOf(context).victims(namespace, deployment),
    vm: (name) => {
      const machine = sandbox.machines.find(name)
      const known = sandbox.machines.placed.map(({ spec }) => spec.name).join(', ') || 'none'
      if (!machine) throw new FaultError(`the sandbox has no VM ${name}; it has ${known}`)
      return machine.victim
    },
    setReachable: (context, reachable) => sandbox.clusterOf(context).setReachable(reachable),
    setCut: async (from, to, cut) => sandbox.setCut(from, to, cut),
    controlPlane: {
      kill: () => controlPlane().kill(),
      start: async () => {
        controlPlane().start()
        await controlPlane().awaitReady(60_000)
      },
      signal: (signal) => controlPlane().signal(signal),
    },
  }
}
