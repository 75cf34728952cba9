// argv → a command. Commands are loaded when they are called, so that `fairlead --help` starts at once.
import { Command } from 'commander'

/** A file of `cli/`: adds its command (with options and action) to the program. */
interface CommandModule {
  register(program: Command): void
}

const commands: readonly { name: string; summary: string; load: () => Promise<CommandModule> }[] = [
  {
    name: 'ca',
    summary: 'Certificate authorities of the clusters',
    load: () => import('./cli/ca.ts'),
  },
  {
    name: 'cert-agent',
    summary: 'Get certificates of the shared root for a mesh that runs istiod',
    load: () => import('./cli/cert-agent.ts'),
  },
  {
    name: 'cluster',
    summary: 'Register clusters with the control plane',
    load: () => import('./cli/cluster.ts'),
  },
  {
    name: 'debug',
    summary: 'Look into a running control plane',
    load: () => import('./cli/debug.ts'),
  },
  {
    name: 'demo',
    summary: 'Show a guide on the embedded sandbox, and measure where requests go',
    load: () => import('./cli/demo.ts'),
  },
  {
    name: 'lint',
    summary: 'Say what is wrong with objects in files, without applying anything',
    load: () => import('./cli/lint.ts'),
  },
  {
    name: 'tsb-api',
    summary: "Serve TSB's management API over HTTP, to users with roles",
    load: () => import('./cli/tsb-api.ts'),
  },
  {
    name: 'envoy',
    summary: 'Show what one proxy would be given, from files alone',
    load: () => import('./cli/envoy.ts'),
  },
  {
    name: 'explain',
    summary: 'Show what becomes of one request, hop by hop, and which object is behind each step',
    load: () => import('./cli/explain.ts'),
  },
  {
    name: 'what-if',
    summary: 'Say where the traffic of every service goes if clusters die, and whether anybody is left to take it',
    load: () => import('./cli/what-if.ts'),
  },
  {
    name: 'serve',
    summary: 'Run the control plane against Kubernetes clusters',
    load: () => import('./cli/serve.ts'),
  },
  {
    name: 'translate',
    summary: 'Translate dialect YAML into Istio objects per cluster, from files alone',
    load: () => import('./cli/translate.ts'),
  },
  {
    name: 'proxies',
    summary: 'Connected proxies: in sync, behind, or refusing what they are given',
    load: () => import('./cli/proxies.ts'),
  },
  {
    name: 'config',
    summary: 'What a proxy was given, each resource with the objects that it comes from',
    load: () => import('./cli/config.ts'),
  },
  {
    name: 'vm',
    summary: 'Let machines outside of all clusters join a mesh',
    load: () => import('./cli/vm.ts'),
  },
  {
    name: 'sandbox',
    summary: 'Embedded clusters with real Envoys on this machine',
    load: () => import('./cli/sandbox.ts'),
  },
]

/** Runs the command line; sets the exit code, and returns when the command is done. */
export async function main(argv: readonly string[]): Promise<void> {
  // Who reads our output may stop reading (`fairlead … | head`): that is an end, not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  const program = emptyProgram()
  const wanted = commands.find((c) => c.name === argv[0])
  if (wanted) {
    const module = await wanted.load()
    module.register(program)
  } else {
    for (const c of commands) program.command(c.name).description(c.summary)
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    // commander has printed its message already; wrong usage is exit code 2, as the conformance contract says.
    const { code, exitCode } = error as { code?: string; exitCode?: number }
    if (typeof exitCode !== 'number') throw error
    // What a command says itself stays; what commander finds wrong is wrong usage.
    process.exitCode = exitCode === 0 || code === 'commander.error' ? exitCode : 2
  }
}

function emptyProgram(): Command {
  return new Command('fairlead')
    .description('A control plane for a service mesh that spans several Kubernetes clusters and virtual machines')
    .version('0.1.0')
    .exitOverride()
}

/** The program with all its commands, for the reference pages. */
export async function wholeProgram(): Promise<Command> {
  const program = emptyProgram()
  for (const { load } of commands) (await load()).register(program)
  return program
}
