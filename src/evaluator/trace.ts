// A call through all proxies on its way: each hop, where it may go on from there, and what may come of it.
import { answerTo, isGrpc } from './answer.ts'
import type { Call, Circumstances, ProxyConfig } from './call.ts'
import type { Decision, Destination, Ending, SentRequest } from './decision.ts'
import { evaluate } from './evaluate.ts'
import type { HeaderChange } from './header-changes.ts'
import { listenerAt } from './listener.ts'
import type { EndpointOdds, UpstreamTls } from './rungs.ts'

/** Which proxies stand at an address; several where a load balancer or gateway spreads connections. */
export interface Mesh {
  /** The proxies that take connections to an address and port, each with the port at which it sees them. */
  proxiesAt(address: string, port: number): readonly { readonly proxy: ProxyConfig; readonly port: number }[]
}

/** One proxy's part in a call. */
export interface Hop {
  readonly call: Call
  readonly decision: Decision
  readonly branches: readonly Branch[]
  /** Where copies of the call go: branches of the decision's mirrors. */
  readonly copies: readonly Branch[]
  /** How long programs take, if that was told. */
  readonly programMs?: number
}

/** One endpoint to which a hop may send the call. */
export interface Branch {
  /** Share of the calls of the hop that are forwarded at all. */
  readonly share: number
  /** Which of the hop's destinations. */
  readonly destination: number
  readonly cluster: string
  readonly endpoint: string
  /** Absent where no known proxy stands there: a program, or the outside. */
  readonly hop?: Hop
  /** The connection fails since the far end shows another identity. */
  readonly wrongIdentity?: { readonly expected: readonly string[]; readonly found: string }
}

/** One thing that may come of a call. */
export interface Outcome {
  /** Share of such calls. */
  readonly share: number
  readonly kind: 'reached' | 'answered' | 'closed'
  /** The proxy that decided. */
  readonly proxy: string
  /** Where it arrives (`reached`). */
  readonly endpoint?: string
  readonly cluster?: string
  /** As it arrives (`reached`, HTTP). */
  readonly request?: SentRequest
  readonly status?: number
  /** Status of gRPC, of answers that proxies give to its clients; then `status` is 200. */
  readonly grpcStatus?: number
  readonly ending?: Ending | 'fault' | 'wrong-identity' | 'timeout'
  readonly location?: string
  readonly body?: string
  /** What proxies do to the headers of the answer, in order. */
  readonly responseChanges: readonly HeaderChange[]
}

const maxHops = 8

/** Follows a call from the proxy that it reaches first. */
export function trace(mesh: Mesh, proxy: ProxyConfig, call: Call, circumstances: Circumstances = {}, depth = 1): Hop {
  const decision = evaluate(proxy, call, circumstances)
  if (depth >= maxHops || decision.ending) return { call, decision, branches: [], copies: [] }
  const walk: Walk = { mesh, proxy, call, circumstances, depth }
  const branches = branchesOf(walk, decision.destinations)
  const copies = branchesOf(walk, decision.mirrors ?? [])
  const { programMs } = circumstances
  return { call, decision, branches, copies, ...(programMs !== undefined && { programMs }) }
}

function branchesOf(walk: Walk, destinations: readonly Destination[]): Branch[] {
  return destinations.flatMap((destination, at) =>
    destination.rungs.flatMap(({ endpoints }) =>
      endpoints
        .filter(({ share }) => share > 0 && destination.share > 0)
        .flatMap((endpoint) => branchesTo(walk, destination, endpoint))
        .map((branch): Branch => ({ ...branch, destination: at })),
    ),
  )
}

interface Walk {
  readonly mesh: Mesh
  readonly proxy: ProxyConfig
  readonly call: Call
  readonly circumstances: Circumstances
  readonly depth: number
}

function branchesTo(walk: Walk, destination: Destination, endpoint: EndpointOdds): Omit<Branch, 'destination'>[] {
  const share = destination.share * endpoint.share
  const common = { cluster: destination.cluster, endpoint: endpoint.address }
  const [address, port] = hostAndPort(endpoint.address)
  const takers = isProgram(walk, address, port) ? [] : walk.mesh.proxiesAt(address, port)
  if (takers.length === 0) return [{ ...common, share }]
  return takers.map((taker) => {
    const next = nextCall(walk, destination, endpoint, { address, port: taker.port, taker: taker.proxy })
    const hop = trace(walk.mesh, taker.proxy, next, walk.circumstances, walk.depth + 1)
    const wrong = wrongIdentity(endpoint.tls ?? passedOn(walk.call, next), hop.decision, taker.proxy)
    return { ...common, share: share / takers.length, hop, ...(wrong && { wrongIdentity: wrong }) }
  })
}

/** A sidecar sends what came to it on to the same address: from there on it is the program's. */
function isProgram({ call }: Walk, address: string, port: number): boolean {
  return call.direction !== 'outbound' && call.address === address && call.port === port
}

/** TLS that goes through a hop is still the first one's: whom that expects travels with the call. */
const expectations = new WeakMap<Call, UpstreamTls>()

function passedOn(call: Call, next: Call): UpstreamTls | undefined {
  return next.tls === call.tls ? expectations.get(call) : undefined
}

function nextCall(
  { proxy, call }: Walk,
  { sent, protocol }: Destination,
  { tls, address: endpoint }: EndpointOdds,
  to: { address: string; port: number; taker: ProxyConfig },
): Call {
  const own = proxy.principal
  const opened = tls && {
    sni: tls.sni,
    alpn: tls.alpn,
    ...(tls.mutual && own !== undefined && { principal: own }),
  }
  // What was TLS and is not ended here stays TLS.
  const through = sent === undefined ? call.tls : undefined
  const shown = opened ?? through
  const next: Call = {
    direction: listenerAt(to.taker, to.address, to.port) ? 'direct' : 'inbound',
    address: to.address,
    port: to.port,
    protocol: sent === undefined ? call.protocol : protocol,
    ...(shown && { tls: shown }),
    ...(proxy.addresses?.[0] !== undefined && { sourceAddress: proxy.addresses[0] }),
    host: sent === undefined ? call.host : (sent.host ?? endpoint),
    path: sent?.path ?? call.path,
    method: sent?.method ?? call.method,
    headers: sent?.headers ?? call.headers,
    ...(sent?.lines && { lines: sent.lines }),
  }
  const expected = tls ?? (through && expectations.get(call))
  if (expected) expectations.set(next, expected)
  return next
}

function wrongIdentity(
  tls: UpstreamTls | undefined,
  { endsTls }: Decision,
  { principal }: ProxyConfig,
): Branch['wrongIdentity'] {
  if (!tls || !endsTls || principal === undefined || tls.identities.length === 0) return undefined
  return tls.identities.includes(principal) ? undefined : { expected: tls.identities, found: principal }
}

/** Everything that may come of a call, with the odds; equal outcomes are told once. */
export function outcomesOf(hop: Hop): Outcome[] {
  const merged = new Map<string, Outcome>()
  for (const outcome of walkOutcomes(hop, 1, [])) {
    const { share, ...rest } = outcome
    const key = JSON.stringify(rest)
    const known = merged.get(key)
    merged.set(key, known ? { ...known, share: known.share + share } : outcome)
  }
  return [...merged.values()]
}

/** What may come of the copies that a hop sends by its mirror `at`; shares are those of copies that are sent. */
export function outcomesOfCopies({ call, decision, copies }: Hop, at: number): Outcome[] {
  const mirror = decision.mirrors?.[at]
  if (!mirror) return []
  const branches = copies
    .filter(({ destination }) => destination === at)
    .map((branch): Branch => ({ ...branch, destination: 0, share: branch.share / mirror.share }))
  const { fault: _fault, ...rest } = decision
  return outcomesOf({ call, decision: { ...rest, destinations: [{ ...mirror, share: 1 }] }, branches, copies: [] })
}

function walkOutcomes(hop: Hop, share: number, behind: readonly HeaderChange[]): Outcome[] {
  const { decision, branches } = hop
  const abort = decision.fault?.abort
  const { proxy } = decision
  const aborted: Outcome[] = abort
    ? [
        {
          share: share * abort.share,
          ...answerTo(hop.call, abort.status),
          ...(abort.grpcStatus !== undefined && isGrpc(hop.call) && { grpcStatus: abort.grpcStatus }),
          proxy,
          ending: 'fault',
          responseChanges: behind,
        },
      ]
    : []
  const rest = share * (1 - (abort?.share ?? 0))
  if (rest === 0) return aborted
  const own = answerOf(hop)
  if (own) {
    const responseChanges = [...(decision.responseChanges ?? []), ...behind]
    return [...aborted, { ...own, share: rest, proxy, responseChanges }]
  }
  const lost = lostShare(decision)
  const ending = 'no-healthy-endpoint'
  const http = decision.destinations.some(({ sent }) => sent !== undefined)
  const failure: Pick<Outcome, 'kind' | 'status'> = http ? answerTo(hop.call, 503) : { kind: 'closed' }
  const failed: Outcome[] = lost > 0 ? [{ share: rest * lost, ...failure, proxy, ending, responseChanges: behind }] : []
  return [...aborted, ...failed, ...branches.flatMap((branch) => outcomesOfBranch(hop, branch, rest, behind))]
}

/** Share of calls that go to clusters which nobody serves. */
function lostShare({ destinations }: Decision): number {
  return destinations
    .filter(({ rungs }) => !rungs.some(({ endpoints }) => endpoints.some(({ share }) => share > 0)))
    .reduce((sum, { share }) => sum + share, 0)
}

/** What a hop answers by itself; undefined if it forwards. */
function answerOf({
  call,
  decision,
}: Hop): Pick<Outcome, 'kind' | 'status' | 'ending' | 'location' | 'body'> | undefined {
  const { status, ending, redirect, directResponse, preflight } = decision
  if (status === undefined) return ending ? { kind: 'closed', ending } : undefined
  return {
    ...(preflight ? { kind: 'answered', status } : answerTo(call, status)),
    ...(ending && { ending }),
    ...(redirect && { location: redirect.location }),
    ...(directResponse && { body: directResponse.body }),
  }
}

function outcomesOfBranch(hop: Hop, branch: Branch, share: number, behind: readonly HeaderChange[]): Outcome[] {
  const { proxy } = hop.decision
  const destination = hop.decision.destinations[branch.destination]
  const own = share * branch.share
  const changes = [...(destination?.responseChanges ?? []), ...behind]
  const http = destination?.sent !== undefined
  const unreachable = (ending: Outcome['ending']): Outcome => ({
    share: own,
    proxy,
    ...(http ? answerTo(hop.call, 503) : { kind: 'closed' }),
    ...(ending && { ending }),
    responseChanges: changes,
  })
  if (branch.wrongIdentity) return [unreachable('wrong-identity')]
  if (!branch.hop) {
    const { endpoint, cluster } = branch
    const request = destination?.sent
    if (isTooSlow(hop)) return [{ ...unreachable('timeout'), ...answerTo(hop.call, 504) }]
    return [
      { share: own, kind: 'reached', proxy, endpoint, cluster, ...(request && { request }), responseChanges: changes },
    ]
  }
  // A connection that the next hop closes is, for who sent a request over it, an answer of 503.
  return walkOutcomes(branch.hop, own, changes).map((outcome) => {
    if (outcome.kind === 'closed' && http) return { ...outcome, ...answerTo(hop.call, 503) }
    return outcome.kind === 'reached' && http && isTooSlow(hop)
      ? { ...unreachable('timeout'), ...answerTo(hop.call, 504), share: outcome.share }
      : outcome
  })
}

/** Whether programs take longer than a hop waits: for all tries together, or for each. */
function isTooSlow({ decision, programMs = 0 }: Hop): boolean {
  const limits = [decision.timeoutMs ?? 0, decision.retries?.perTryTimeoutMs ?? 0]
  return limits.some((limit) => limit > 0 && limit < programMs)
}

/** `10.0.0.1:80`, `[::1]:80` → address and port. */
export function hostAndPort(text: string): [string, number] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).replace(/^\[|\]$/g, ''), Number(text.slice(at + 1))]
}
