// fairlead sandbox …: embedded clusters on this machine.
import type { Command } from 'commander'
import { registerFault } from './sandbox-fault.ts'
import { registerOrders } from './sandbox-orders.ts'
import { registerStatus } from './sandbox-status.ts'
import { registerUp } from './sandbox-up.ts'

export function register(program: Command): void {
  const sandbox = program.command('sandbox').description('Embedded clusters with real Envoys on this machine')
  registerUp(sandbox)
  registerStatus(sandbox)
  registerOrders(sandbox)
  registerFault(sandbox)
}
