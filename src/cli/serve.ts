// `fairlead serve`: the control plane, against any Kubernetes API servers.
import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { defaultAccess, homeDirectory, KubeconfigError, loadAccess } from '../clusters/index.ts'
import { type Address, type ControlPlane, makeLog, type ServeOptions, serve } from '../control-plane/index.ts'
import { durationMs } from '../resources/index.ts'
import { isCidr, isIpAddress } from '../resources/istio/index.ts'

interface Options {
  readonly kubeconfig?: string
  readonly context?: string[]
  readonly clusterName?: string
  readonly http: Address
  readonly xds: Address
  readonly xdsPlaintext?: Address
  readonly tokenKeysFrom: string[]
  readonly nameServer: string[]
  readonly workloadCertTtl?: number
  readonly pushPause?: number
  readonly stateDir: string | false
  readonly logLevel: string
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

export function register(program: Command): void {
  program
    .command('serve')
    .description('Run the control plane against Kubernetes clusters')
    .option('--kubeconfig <file>', 'kubeconfig of the clusters; without: as kubectl finds it')
    .option('--context <name...>', 'contexts to connect; the first is the management cluster. Without: the current one')
    .option(
      '--cluster-name <name>',
      'name of the management cluster until a registration names it (default: Kubernetes)',
    )
    .addOption(
      new Option('--http <address:port>', 'where /ready, /metrics and /debug are served')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 15014 }, '127.0.0.1:15014'),
    )
    .addOption(
      new Option('--xds <address:port>', 'where proxies connect, by TLS')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 15012 }, '127.0.0.1:15012'),
    )
    .addOption(
      new Option(
        '--xds-plaintext <address:port>',
        'the same without TLS and proof of identity; on loopback only',
      ).argParser(parseAddress),
    )
    .addOption(
      new Option(
        '--token-keys-from <network...>',
        'networks (CIDR), beside public ones, that keys of token issuers may be fetched from',
      )
        .argParser(collectNetworks)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--name-server <address...>',
        'who is asked for addresses of gateways that have DNS names, as ADDRESS or ADDRESS:PORT',
      )
        .env('FAIRLEAD_NAME_SERVERS')
        .argParser(collectServers)
        .default([], 'whom the system asks'),
    )
    .addOption(
      new Option(
        '--workload-cert-ttl <duration>',
        'lifetime of the certificates of workloads; they are renewed half-way (default: 24h)',
      ).argParser(parseLifetime),
    )
    .addOption(
      new Option(
        '--push-pause <duration>',
        'while changes follow each other, the longest time that one waits to be sent to proxies together with others; 0s: none waits (default: 400ms)',
      ).argParser(parsePause),
    )
    .option('--state-dir <folder>', 'where the last known state of clusters is kept over a restart', defaultStateDir())
    .option('--no-state-dir', 'keep nothing on disk')
    .addOption(new Option('--log-level <level>', 'least level that is logged').choices(logLevels).default('info'))
    .addHelpText('after', '\nExit code: 0 = stopped by a signal, 1 = cannot start, 2 = wrong usage.')
    .action((options: Options, command: Command) => run(options, command))
}

async function run(options: Options, command: Command): Promise<void> {
  const log = makeLog(options.logLevel)
  const contexts = readContexts(options, command)
  let controlPlane: ControlPlane
  try {
    controlPlane = await serve({
      contexts,
      log,
      stateDir: options.stateDir === false ? undefined : options.stateDir,
      http: options.http,
      xds: options.xds,
      xdsPlaintext: options.xdsPlaintext,
      tokenKeyNetworks: options.tokenKeysFrom,
      nameServers: options.nameServer,
      ...(options.workloadCertTtl !== undefined && { leafTtlMs: options.workloadCertTtl }),
      ...(options.pushPause !== undefined && { longestPauseMs: options.pushPause }),
      release: command.parent?.version() ?? '0.0.0',
    })
  } catch (error) {
    log.fatal({ err: explain(error as NodeJS.ErrnoException) }, 'cannot start')
    process.exitCode = 1
    return
  }
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name))
  })
  log.info({ signal }, 'stopping')
  // A second signal, or something that hangs, must not keep the process.
  const impatient = (): never => process.exit(1)
  process.once('SIGINT', impatient)
  process.once('SIGTERM', impatient)
  setTimeout(impatient, 10_000).unref()
  await controlPlane.stop()
  process.off('SIGINT', impatient)
  process.off('SIGTERM', impatient)
}

function readContexts(options: Options, command: Command): ServeOptions['contexts'] {
  const { kubeconfig, clusterName } = options
  const names: (string | undefined)[] = options.context ?? [undefined]
  try {
    return names.map((context, at) => {
      const access = kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
      if (at > 0) return { name: access.context, isNamed: false, access }
      return { name: clusterName ?? 'Kubernetes', isNamed: clusterName !== undefined, access }
    })
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error
    return command.error(`error: ${error.message}`, { exitCode: 2 })
  }
}

function explain(error: NodeJS.ErrnoException & { port?: number; address?: string }): string {
  const place = `${error.address}:${error.port}`
  if (error.code === 'EADDRINUSE') return `${place} is in use by another process; choose another port by its flag`
  if (error.code === 'EACCES' && error.syscall === 'listen') return `not allowed to listen on ${place}`
  return error.message
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new InvalidArgumentError('It must be ADDRESS:PORT.')
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}

function collectNetworks(text: string, before: readonly string[]): string[] {
  if (!isCidr(text) && !isIpAddress(text)) throw new InvalidArgumentError('It must be a network like 10.0.0.0/8.')
  return [...before, text]
}

/** From the environment, several are separated by commas. */
function collectServers(text: string, before: readonly string[]): string[] {
  const servers = text.split(',').map((part) => part.trim())
  if (!servers.every(isServer)) throw new InvalidArgumentError('It must be an IP address, or ADDRESS:PORT.')
  return [...before, ...servers]
}

function isServer(text: string): boolean {
  const [, six, four] = /^(?:\[([^\]]+)\](?::\d{1,5})?|([^:]+)(?::\d{1,5})?)$/.exec(text) ?? []
  return isIpAddress(six ?? four ?? text)
}

function parseLifetime(text: string): number {
  const ms = durationMs(text)
  if (ms === undefined || ms < 10_000)
    throw new InvalidArgumentError('It must be a duration like 24h, of 10s at least.')
  return ms
}

function parsePause(text: string): number {
  const ms = durationMs(text)
  if (ms === undefined || ms < 0 || ms > 10_000)
    throw new InvalidArgumentError('It must be a duration like 250ms, of 10s at most.')
  return ms
}

function defaultStateDir(): string {
  return join(homeDirectory(), 'serve')
}
