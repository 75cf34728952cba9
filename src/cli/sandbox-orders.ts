// fairlead sandbox down, restart, sample.
import { type Command, Option } from 'commander'
import { readLock, type SampleSpec, SpecError, sampleNames, sandboxDirectory, stopSandbox } from '../sandbox/index.ts'
import { attempt, giveOrder, runningSandbox, wholeNumber } from './sandbox-common.ts'

interface SampleOptions {
  name: string
  context?: string
  namespace: string
  only?: string
  replicas?: number
  sidecar: boolean
}

export function registerOrders(sandbox: Command): void {
  sandbox
    .command('down')
    .description('End the sandbox; its state is kept for the next time')
    .addOption(runningSandbox())
    .action(({ name }: { name: string }) =>
      attempt(async () => {
        const was = await stopSandbox(name)
        console.log(was ? `sandbox ${name} is down` : `sandbox ${name} was not up`)
      }),
    )
  sandbox
    .command('restart')
    .description('Restart a part of the sandbox')
    .argument('<part>', 'control-plane')
    .addOption(runningSandbox())
    .action((part: string, { name }: { name: string }) =>
      attempt(async () => {
        if (part !== 'control-plane') throw new SpecError(`restart ${part}: only control-plane can be restarted`)
        await giveOrder(name, 'restart-control-plane')
        console.log('control plane restarted')
      }),
    )
  sandbox
    .command('sample')
    .description(`Install a sample application: ${sampleNames().join(', ')}`)
    .argument('<sample>')
    .addOption(runningSandbox())
    .option('--context <context>', 'cluster to install it on; the first if not given')
    .option('--namespace <namespace>', 'namespace, made with sidecar injection', 'default')
    .option('--only <deployments>', 'Deployments to install, with what belongs to them (comma separated)')
    .addOption(new Option('--replicas <count>', 'pods of each Deployment').argParser(wholeNumber('--replicas')))
    .option('--no-sidecar', 'leave the namespace without sidecar injection')
    .action((sample: string, options: SampleOptions) => attempt(() => installSample(sample, options)))
}

async function installSample(sample: string, options: SampleOptions): Promise<void> {
  if (!sampleNames().includes(sample)) {
    throw new SpecError(`there is no sample ${sample}; there are ${sampleNames().join(', ')}`)
  }
  const context = options.context ?? (await firstContext(options.name))
  const spec: SampleSpec = {
    sample,
    context,
    namespace: options.namespace,
    noSidecar: !options.sidecar,
    ...(options.only === undefined ? {} : { only: options.only.split(',') }),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
  }
  await giveOrder(options.name, 'sample', spec)
  console.log(`${sample} runs on ${context} in namespace ${options.namespace}`)
}

async function firstContext(name: string): Promise<string> {
  if (!readLock(sandboxDirectory(name))) throw new SpecError(`sandbox ${name} is not up`)
  const status = await giveOrder<{ clusters: { context: string }[] }>(name, 'status')
  return status.clusters[0]?.context ?? ''
}
