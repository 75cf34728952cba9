// `fairlead explain FROM METHOD URL`: what becomes of one request, hop by hop, and which object is behind each step.
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { stringify } from 'yaml'
import {
  arriving,
  type Call,
  type Circumstances,
  type DialTarget,
  describeTrace,
  dial,
  type Hop,
  hintsFor,
  hostAndPort,
  type Mesh,
  outcomesOf,
  type PlaceOf,
  type ProxyConfig,
  type Telling,
  trace,
} from '../evaluator/index.ts'
import { nearNames } from '../lib/index.ts'
import { asking, type DebugApiOptions, debugApiOptions } from './debug-api.ts'
import { meshOfFiles } from './explain-files.ts'
import { liveMesh } from './explain-live.ts'
import { lossOf } from './loss.ts'

interface Options extends DebugApiOptions {
  readonly cluster?: readonly string[]
  readonly meshConfig?: string
  readonly header: Readonly<Record<string, string>>
  readonly at?: string
  readonly sni?: string
  readonly principal?: string
  readonly http2?: boolean
  readonly without?: readonly string[]
  readonly output: 'text' | 'json' | 'yaml'
}

/** Where proxies are found: in files, or at a running control plane. */
export interface ProxySource {
  /** Undefined if there is none of that name; throws if the name is ambiguous. */
  find(name: string): Promise<ProxyConfig | undefined>
  /** Port of a pod at which connections to a port of its Service arrive. */
  entryPort(podAddress: string, servicePort: number): Promise<number | undefined>
  /** Names of all proxies, as `CLUSTER/pod.namespace`. */
  names(): Promise<readonly string[]>
  /** Where an object stands, or a part of it (`spec.rules[0]`), for those that come from files. */
  placeOf?: PlaceOf
  /** Names of the clusters that are known. */
  clusters(): Promise<readonly string[]>
  /** Clusters in which something has an address. */
  owners(): Promise<(address: string) => readonly string[]>
  /** One proxy of each workload, with the cluster that it runs in. */
  all(): Promise<readonly { readonly cluster: string; readonly workload: string; readonly config: ProxyConfig }[]>
  /** Loads what `work` needs of other proxies, and runs it again until it has all. */
  tracing<T>(work: (mesh: Mesh) => T): Promise<T>
}

export function register(program: Command): void {
  const [http, name] = debugApiOptions()
  program
    .command('explain')
    .description('Show what becomes of one request, hop by hop, and which object is behind each step')
    .argument(
      '<from>',
      'proxy that the request reaches first: pod.namespace or deployment.namespace, or either behind CLUSTER/',
    )
    .addArgument(new Argument('<method>', 'GET, POST, …').argParser((text: string) => text.toUpperCase()))
    .argument('<url>', 'http://HOST[:PORT]/PATH, https://… for clients that speak TLS themselves, or tcp://HOST:PORT')
    .option('-H, --header <name: value>', 'a header (repeatable)', collectHeader, {})
    .option('--cluster <name=file...>', "files in place of a running control plane: YAML of a cluster's objects")
    .option('--mesh-config <file>', "with files: Istio's MeshConfig as YAML")
    .option(
      '--at <address:port>',
      'where the connection arrives, for calls that come to a pod (gateways: found by their Service)',
    )
    .option('--sni <name>', 'with --at: server name of TLS (default for https: the host)')
    .option('--principal <spiffe-id>', 'with --at: identity of the client’s certificate')
    .option('--http2', 'the client speaks HTTP/2')
    .option('--without <cluster...>', 'as if everything in these clusters had died')
    .addOption(http)
    .addOption(name)
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json', 'yaml']).default('text'))
    .addHelpText('after', help)
    .action((from: string, method: string, url: string, options: Options, command: Command) =>
      asking(() => explain({ from, method, url }, options, command)),
    )
}

const help = `
Examples:
  fairlead explain productpage-v1-abc.default GET http://reviews:9080/ -H 'end-user: jason'
  fairlead explain istio-ingressgateway-xyz.istio-system GET http://shop.example/
  fairlead explain cart-v1-xyz.shop GET http://cart/ --at 10.0.0.7:8080 --principal spiffe://cluster.local/ns/shop/sa/client
  fairlead explain client.shop GET http://cart/ --cluster east=east.yaml --cluster west=west.yaml
  fairlead explain client.shop GET http://cart/ --without west      (of all services: fairlead what-if --without west)

Odds are those of a proxy that has just started: circuit breakers and ejections come on top.
Exit code: 0 = explained, 1 = no such proxy, or the control plane cannot be reached, 2 = wrong usage.`

function collectHeader(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf(':', 1)
  if (at < 1) throw new InvalidArgumentError('it must have the form NAME: VALUE.')
  const name = text.slice(0, at).trim().toLowerCase()
  const value = text.slice(at + 1).trim()
  const known = before[name]
  return { ...before, [name]: known === undefined ? value : `${known},${value}` }
}

interface Question {
  readonly from: string
  readonly method: string
  readonly url: string
}

async function explain(question: Question, options: Options, command: Command): Promise<void> {
  const fail = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 })
  const target = targetOf(question, options, fail)
  if (options.at !== undefined && !/^.+:\d+$/.test(options.at)) fail(`--at ${options.at}: it must be ADDRESS:PORT`)
  const source: ProxySource = options.cluster
    ? meshOfFiles({ clusters: options.cluster, meshConfig: options.meshConfig }, fail)
    : liveMesh(options)
  const proxy = await source.find(question.from)
  if (!proxy) {
    const where = options.cluster ? 'no pod with a proxy has that name in the files' : 'see: fairlead proxies'
    const near = nearProxies(question.from, await source.names())
    console.error(`fairlead: proxy ${question.from} is not known; ${where}${near}`)
    process.exitCode = 1
    return
  }
  const at = options.at ?? (await entryOf(source, proxy, target.port))
  const call = at === undefined ? dial(proxy, target) : arrivingCall(proxy, at, target, options)
  const loss = await lossOf(source, options.without ?? [], fail)
  if (loss.hasLost(proxy)) fail(`${proxy.name} runs in a cluster that is taken for dead`)
  const hop = await source.tracing((mesh) => trace(loss.mesh(mesh), loss.proxy(proxy), call, circumstances))
  if (options.without && options.output === 'text') console.log(`As if ${options.without.join(' and ')} had died:\n`)
  const { placeOf } = source
  print(hop, { hints: hintsFor(proxy, hop), ...(placeOf && { placeOf }) }, options.output)
}

/** Names in which the given one occurs, or that are like it. */
function nearProxies(name: string, known: readonly string[]): string {
  const without = (full: string): string => full.slice(full.indexOf('/') + 1)
  const own = without(name)
  const [first = ''] = own.split('.')
  const like = nearNames(own, known.map(without))
  const near = known.filter((full) => without(full).startsWith(first) || like.includes(without(full)))
  return near.length === 0 ? '' : `; there is ${near.slice(0, 5).join(', ')}`
}

/** Gateways are called from outside: where a connection to the Service before them arrives. Undefined for sidecars. */
async function entryOf(source: ProxySource, proxy: ProxyConfig, port: number): Promise<string | undefined> {
  const address = proxy.addresses?.[0]
  if (address === undefined || proxy.listeners.some(({ name }) => name === 'virtualOutbound')) return undefined
  return `${address}:${(await source.entryPort(address, port)) ?? port}`
}

function targetOf({ method, url }: Question, options: Options, fail: (message: string) => never): DialTarget {
  const parsed = URL.canParse(url) ? new URL(url) : fail(`${url} is no URL`)
  const scheme = parsed.protocol.slice(0, -1)
  if (!['http', 'https', 'tcp'].includes(scheme)) fail(`${url}: the scheme must be http, https or tcp`)
  if (scheme === 'tcp' && parsed.port === '') fail(`${url}: a port is missing`)
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? (scheme === 'https' ? 443 : 80) : Number(parsed.port),
    protocol: scheme === 'tcp' ? 'tcp' : options.http2 ? 'http2' : 'http',
    tls: scheme === 'https',
    // As written: URL would bring it into normal form, which is for the proxy to do.
    path: /^[a-z]+:\/\/[^/?]*([^#]*)/.exec(url)?.[1]?.replace(/^(?!\/)/, '/') ?? '/',
    method,
    headers: options.header,
  }
}

/** A call from outside. */
function arrivingCall(proxy: ProxyConfig, at: string, target: DialTarget, options: Options): Call {
  const [address, port] = hostAndPort(at)
  const { host, tls, protocol, path, method, headers } = target
  const usual = target.port === (tls ? 443 : 80)
  const encrypted = tls || options.sni !== undefined || options.principal !== undefined
  const call = {
    protocol,
    host: headers['host'] ?? (usual ? host : `${host}:${target.port}`),
    path,
    method,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'host')),
    ...(encrypted && {
      tls: {
        sni: options.sni ?? host,
        alpn: options.principal === undefined ? ['h2', 'http/1.1'] : ['istio-peer-exchange', 'istio'],
        ...(options.principal !== undefined && { principal: options.principal }),
      },
    }),
  }
  return arriving(proxy, { address, port }, call)
}

const circumstances: Circumstances = {
  now: Math.floor(Date.now() / 1000),
  verifyToken(token, keySet) {
    const [header = '', payload = '', signature = ''] = token.split('.')
    try {
      const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: string; kid?: string }
      const { keys } = JSON.parse(keySet) as { keys: (JsonWebKey & { kid?: string })[] }
      const hash = `sha${alg?.slice(2)}`
      return keys
        .filter((key) => kid === undefined || key.kid === undefined || key.kid === kid)
        .some((key) =>
          verify(
            hash,
            Buffer.from(`${header}.${payload}`),
            { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
            Buffer.from(signature, 'base64url'),
          ),
        )
    } catch {
      // Whatever cannot be read is not signed by these keys.
      return false
    }
  },
}

function print(hop: Hop, telling: Telling, format: Options['output']): void {
  const { hints = [] } = telling
  const data = { ...hop, outcomes: outcomesOf(hop), ...(hints.length > 0 && { hints }) }
  if (format === 'json') console.log(JSON.stringify(data, undefined, 2))
  else if (format === 'yaml') console.log(stringify(JSON.parse(JSON.stringify(data))).trimEnd())
  else console.log(describeTrace(hop, telling))
}
