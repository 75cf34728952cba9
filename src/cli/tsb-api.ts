// `fairlead tsb-api`: the management API over HTTP, for users who have no access to the management cluster itself.
import { type JsonWebKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parse } from 'yaml'
import { defaultAccess, KubeClient, KubeconfigError, loadAccess } from '../clusters/index.ts'
import { type Accounts, Authenticator, hashOf, KubeStore, Management, managementServer } from '../management/index.ts'

interface Options {
  readonly listen: { host: string; port: number }
  readonly users: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export function register(program: Command): void {
  const api = program
    .command('tsb-api')
    .description("Serve TSB's management API over HTTP, to users with roles")
    .addOption(
      new Option('--listen <address:port>', 'where to serve; without TLS on loopback only')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 8443 }, '127.0.0.1:8443'),
    )
    .option('--users <file>', 'accounts: organization, users with hashes, OIDC provider')
    .option('--kubeconfig <file>', 'kubeconfig of the management cluster; without: as kubectl finds it')
    .option('--context <name>', 'context of the management cluster; without: the current one')
    .option('--tls-cert <file>', 'certificate, in PEM')
    .option('--tls-key <file>', 'its key, in PEM')
    .addHelpText('after', '\nExit code: 0 = stopped by a signal, 1 = cannot start, 2 = wrong usage.')
    .action((options: Options, command: Command) => run(options, command))
  api
    .command('hash-password')
    .description('Read a password or token from standard input, and print its hash for the file of accounts')
    .action(() => {
      const secret = readFileSync(0, 'utf8').replace(/\r?\n$/, '')
      console.log(hashOf(secret, randomBytes(16)))
    })
}

async function run(options: Options, command: Command): Promise<void> {
  if (options.users === undefined) command.error("error: option '--users' is missing", { exitCode: 2 })
  const { host, port } = options.listen
  const tls = readTls(options, command)
  if (tls === undefined && !/^(127\.|localhost$|::1$)/.test(host))
    command.error('error: passwords go over the wire: give --tls-cert and --tls-key, or listen on loopback', {
      exitCode: 2,
    })
  const accounts = readAccounts(options.users, command)
  const client = new KubeClient(accessOf(options, command), 'fairlead-tsb-api')
  const store = new KubeStore(client)
  const management = new Management({ store, audit: store.audit(), now: Date.now })
  const authenticator = new Authenticator({ accounts, now: Date.now, fetchKeys })
  const app = managementServer({
    management,
    authenticator,
    version: command.parent?.version() ?? '0.0.0',
    ...(tls && { tls }),
  })
  try {
    await app.listen({ host, port })
  } catch (error) {
    console.error(`fairlead: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
    return
  }
  const address = app.server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  console.log(`management API on ${tls ? 'https' : 'http'}://${host}:${bound}`)
  await new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve())
  })
  await app.close()
  client.close()
}

function readTls({ tlsCert, tlsKey }: Options, command: Command): { cert: string; key: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined)
    return command.error('error: --tls-cert and --tls-key belong together', { exitCode: 2 })
  return { cert: readText(tlsCert, command), key: readText(tlsKey, command) }
}

function readText(file: string, command: Command): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return command.error(`error: ${file}: ${error instanceof Error ? error.message : String(error)}`, { exitCode: 2 })
  }
}

function readAccounts(file: string, command: Command): Accounts {
  const text = readText(file, command)
  try {
    const accounts = parse(text) as Accounts | null
    if (typeof accounts?.organization === 'string') return accounts
    return command.error(`error: ${file}: organization: Required value`, { exitCode: 2 })
  } catch (error) {
    return command.error(`error: ${file}: ${error instanceof Error ? error.message : String(error)}`, { exitCode: 2 })
  }
}

function accessOf({ kubeconfig, context }: Options, command: Command): ReturnType<typeof defaultAccess> {
  try {
    return kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error
    return command.error(`error: ${error.message}`, { exitCode: 2 })
  }
}

async function fetchKeys(uri: string): Promise<JsonWebKey[]> {
  const response = await fetch(uri, { signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`${uri}: HTTP ${response.status}`)
  const { keys } = (await response.json()) as { keys: JsonWebKey[] }
  return keys
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new InvalidArgumentError('It must be ADDRESS:PORT.')
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port }
}
