import { type Command, Option } from 'commander'
import { FaultError, type FaultKind, type FaultOrder, faultKinds } from '../sandbox/index.ts'
import { attempt, giveOrder, runningSandbox, wholeNumber } from './sandbox-common.ts'

interface FaultOptions {
  sandbox: string
  name?: string
  context?: string
  namespace?: string
  deployment?: string
  pods?: number
  container?: string
  vm?: string
  target?: string
  to?: string
  oneWay?: boolean
  status?: number
  delayMs?: number
}

export function registerFault(sandbox: Command): void {
  const whole = (flag: string, description: string): Option =>
    new Option(`${flag} <n>`, description).argParser(wholeNumber(flag))
  sandbox
    .command('fault')
    .description(`Make something fail, or heal it: ${faultKinds.join(', ')}`)
    .argument('<kind>')
    .argument('[ends...]', 'cut FROM TO: two contexts')
    .addOption(runningSandbox('--sandbox <name>'))
    .option('--name <name>', 'name of the fault, by which it is healed')
    .option('--context <context>', 'cluster that it hits')
    .option('--namespace <namespace>')
    .option('--deployment <deployment>')
    .addOption(whole('--pods', 'hit only so many pods'))
    .option('--container <name>', 'kill or pause only this container of the pods; the proxy is istio-proxy')
    .option('--vm <name>')
    .option('--target <target>', 'control-plane')
    .option('--to <context>', 'other end of a cut')
    .option('--one-way', 'cut only what FROM opens to TO')
    .addOption(whole('--status', 'what pods answer (kind answer)'))
    .addOption(whole('--delay-ms', 'how long pods wait before they answer (kind slow)'))
    .action((kind: string, ends: string[], options: FaultOptions) => attempt(() => fault(kind, ends, options)))
}

async function fault(kind: string, ends: readonly string[], options: FaultOptions): Promise<void> {
  if (!faultKinds.includes(kind as FaultKind)) {
    throw new FaultError(`there is no fault ${kind}; there are ${faultKinds.join(', ')}`)
  }
  const { sandbox, target, ...fields } = options
  if (target !== undefined && target !== 'control-plane') throw new FaultError(`--target ${target}: only control-plane`)
  const [from, to] = ends
  const order: FaultOrder = {
    ...fields,
    kind: kind as FaultKind,
    ...(target === undefined ? {} : { target }),
    ...(from === undefined ? {} : kind === 'heal' ? { name: from } : { context: from }),
    ...(to === undefined ? {} : { to }),
  }
  const { name } = await giveOrder<{ name: string }>(sandbox, 'fault', order)
  const undo = kind === 'heal' || kind === 'kill' ? '' : `; heal it with: fairlead sandbox fault heal --name ${name}`
  console.log(kind === 'heal' ? `healed ${name}` : `fault ${name} is in force${undo}`)
}
