// A trace in words, as an engineer would note it down.
import { formatRef, type ObjectRef } from '../report/index.ts'
import type { Decision, Destination } from './decision.ts'
import { describeChange, type HeaderChange } from './header-changes.ts'
import { describePolicy } from './origin.ts'
import type { EndpointOdds, UpstreamTls } from './rungs.ts'
import { type Branch, type Hop, type Outcome, outcomesOf } from './trace.ts'
import type { Verdict } from './verdict.ts'

const endings: Readonly<Record<NonNullable<Outcome['ending']>, string>> = {
  'no-listener': 'the proxy has no listener for it; the connection is refused',
  'no-filter-chain': 'no filter chain takes it; the connection is closed',
  'tls-required': 'TLS is required here, and the client speaks plaintext; the connection is closed',
  'client-certificate-required': 'a client certificate is required, and there is none; the connection is closed',
  'client-certificate-refused': 'the client certificate is of no accepted trust domain; the connection is closed',
  protocol: 'the bytes are not of the protocol that is spoken here',
  'bad-request': 'Envoy refuses the request as malformed',
  'no-route-configuration': 'the proxy was not given the route configuration yet',
  'no-virtual-host': 'no virtual host has this name',
  'no-route': 'the virtual host has no route for it',
  denied: 'an authorization policy denies it',
  'no-cluster': 'the cluster that the route names does not exist',
  'no-healthy-endpoint': 'no endpoint of the cluster may take requests',
  fault: 'fault injection answers it',
  'wrong-identity': 'the far end shows another identity than expected',
  timeout: 'the program takes longer than the proxy waits',
}

/** Lines of text for a whole trace: the hops in order, then what comes of it. */
export function describeTrace(hop: Hop): string {
  const lines: string[] = []
  const told = new Set<string>()
  let number = 0
  const tell = (each: Hop): void => {
    const text = describeHop(each)
    const key = text.join('\n')
    if (told.has(key)) return
    told.add(key)
    number++
    lines.push(`${number}. ${each.decision.proxy}`, ...text.map((line) => `   ${line}`), '')
    for (const branch of each.branches) if (branch.hop) tell(branch.hop)
  }
  tell(hop)
  lines.push('Outcome', ...outcomesOf(hop).map((outcome) => `   ${describeOutcome(outcome)}`))
  return lines.join('\n')
}

function describeHop({ call, decision, branches }: Hop): string[] {
  const d = decision
  const row = (name: string, text: string | undefined): string[] =>
    text === undefined || text === '' ? [] : [`${name.padEnd(12)} ${text}`]
  const shown = call.tls
    ? `TLS (SNI ${call.tls.sni || 'none'}, ALPN ${call.tls.alpn.join(' ') || 'none'})`
    : 'plaintext'
  const ends = d.endsTls ? ', ended here' : call.tls ? ', passed on as it is' : ''
  return [
    ...row('arrives', `${call.address}:${call.port}, ${shown}${ends}`),
    ...row('caller', d.endsTls ? (d.identity ?? 'shows no certificate') : undefined),
    ...row(
      'listener',
      d.listener && [d.listener, d.filterChain && `chain ${d.filterChain}`].filter(Boolean).join(', '),
    ),
    ...d.verdicts.flatMap((verdict) => row('policy', describeVerdict(verdict))),
    ...row('virtual host', d.virtualHost && `${d.virtualHost} of routes ${d.routeConfiguration || '(inline)'}`),
    ...row('route', d.because && [d.route ? `"${d.route}": ` : '', d.because.join(' and ')].join('')),
    ...row('from', refs(d.routeOrigin)),
    ...(d.nearMisses ?? [])
      .slice(0, 6)
      .flatMap(({ route, failed }) => row('not', `"${route}", for want of: ${failed}`)),
    ...row('fault', describeFault(d)),
    ...row('redirect', d.redirect && `${d.redirect.status} to ${d.redirect.location}`),
    ...row('answer', d.directResponse && `${d.directResponse.status} ${JSON.stringify(d.directResponse.body)}`),
    ...(d.mirrors ?? []).flatMap(({ cluster, share }) => row('mirror', `${percent(share)} to ${cluster}`)),
    ...row('patience', describePatience(d)),
    ...(d.unjudged ?? []).flatMap((name) =>
      row('beware', `filter ${name} may decide otherwise; it is not judged here`),
    ),
    ...d.destinations.flatMap((destination, at) =>
      describeDestination(
        destination,
        branches.filter((branch) => branch.destination === at),
      ),
    ),
    ...row('ends', d.ending && `${endings[d.ending]}${d.status === undefined ? '' : ` (${d.status})`}`),
  ]
}

function describeVerdict({ filter, action, allowed, policy, dryRun, dryRunPolicy, note }: Verdict): string {
  const short = filter.replace(/^envoy\.filters\.(http|network)\./, '')
  if (action === 'TOKEN' || action === 'ASK') return `${allowed ? '' : 'DENIED: '}${note ?? ''} (${short})`
  const by = policy === undefined ? `no ${action} rule matches` : describePolicy(policy)
  const result = action === 'LOG' ? (policy === undefined ? 'not audited' : 'audited') : allowed ? 'allowed' : 'DENIED'
  const dry =
    dryRun === undefined
      ? ''
      : `; dry run would ${dryRun}${dryRunPolicy === undefined ? '' : ` by ${describePolicy(dryRunPolicy)}`}`
  return `${action}: ${result}, ${by}${dry}`
}

function describeFault({ fault }: Decision): string | undefined {
  if (!fault) return undefined
  const { delay, abort } = fault
  return [
    ...(delay ? [`${percent(delay.share)} delayed by ${delay.ms} ms`] : []),
    ...(abort ? [`${percent(abort.share)} answered with ${abort.status}`] : []),
  ].join(', ')
}

function describePatience({ timeoutMs, retries }: Decision): string | undefined {
  if (timeoutMs === undefined) return undefined
  const timeout = timeoutMs === 0 ? 'no timeout' : `timeout ${timeoutMs} ms`
  if (!retries) return `${timeout}, no retries`
  const perTry = retries.perTryTimeoutMs === undefined ? '' : `, ${retries.perTryTimeoutMs} ms each`
  return `${timeout}, up to ${retries.count} retries${perTry} on ${retries.on}`
}

function describeDestination(destination: Destination, branches: readonly Branch[]): string[] {
  const { cluster, share, known, rungs, balancer, finding, requestChanges, responseChanges, outlier, sent } =
    destination
  const where = {
    assigned: balancer,
    named: `${balancer}, by DNS`,
    'original-destination': 'where it was going',
    'by-host': 'wherever the host resolves to',
  }
  const head = `${percent(share).padEnd(12)} ${cluster}${known ? ` (${where[finding]})` : ', which does not exist'}`
  const indent = (text: string): string => `${' '.repeat(13)}${text}`
  const tls = distinctTls(rungs.flatMap(({ endpoints }) => endpoints))
  return [
    head,
    ...(destination.origin.length > 0 ? [indent(`from ${refs(destination.origin.toSorted(byRank))}`)] : []),
    ...destination.origin.filter(isDrain).map((ref) => indent(`without the clusters that ${formatRef(ref)} drains`)),
    ...(sent ? [indent(`as ${sent.method} ${sent.host ?? '(name of the endpoint)'}${sent.path}`)] : []),
    ...requestChanges.filter(isNews).map((step) => indent(`request: ${describeChange(step)}`)),
    ...responseChanges.filter(isNews).map((step) => indent(`response: ${describeChange(step)}`)),
    ...tls.map(({ sni, mutual, identities }) => {
      const whom = identities.length === 0 ? 'anybody' : identities.join(' or ')
      return indent(`${mutual ? 'mutual TLS' : 'TLS'}, SNI ${sni || '(of the host)'}, expects ${whom}`)
    }),
    ...(outlier
      ? [
          indent(
            `ejects endpoints after ${outlier.consecutive5xx ?? outlier.consecutiveGatewayErrors} failures in a row, at most ${outlier.maxEjectionPercent} % of them`,
          ),
        ]
      : []),
    ...rungs.flatMap((rung) => [
      ...(rungs.length > 1 || rung.panic
        ? [indent(`rung ${rung.priority}: ${percent(rung.share)}${rung.panic ? ', in panic: health is ignored' : ''}`)]
        : []),
      ...rung.endpoints.map((endpoint) => indent(describeEndpoint(endpoint, branches))),
    ]),
  ]
}

/** What leaves clusters out: a Drain, or the label on a system namespace. */
function isDrain({ kind }: ObjectRef): boolean {
  return kind === 'Drain' || kind === 'Namespace'
}

/** What somebody decided comes before what is there anyway. */
function byRank(a: ObjectRef, b: ObjectRef): number {
  const there = ({ kind }: ObjectRef): number => Number(['Service', 'Pod', 'Node', 'EndpointSlice'].includes(kind))
  return there(a) - there(b)
}

/** What proxies of the mesh tell each other in headers is no user's business. */
function isNews(step: HeaderChange): boolean {
  return !('remove' in step && step.remove.startsWith('x-fairlead-'))
}

function describeEndpoint(endpoint: EndpointOdds, branches: readonly Branch[]): string {
  const { address, healthy, share, locality, tls } = endpoint
  const next = branches.filter((branch) => branch.endpoint === address).flatMap(({ hop }) => hop?.decision.proxy ?? [])
  const facts = [healthy ? '' : 'not healthy', locality, tls ? '' : 'plaintext', next.join(', ')]
  return `${percent(share).padStart(7)}  ${address}  ${facts.filter((fact) => fact !== '').join('  ')}`.trimEnd()
}

function distinctTls(endpoints: readonly EndpointOdds[]): UpstreamTls[] {
  const found = new Map(endpoints.flatMap(({ tls }) => (tls ? [[JSON.stringify(tls), tls] as const] : [])))
  return [...found.values()]
}

function describeOutcome(outcome: Outcome): string {
  const { share, kind, proxy, endpoint, request, status, grpcStatus, ending, location } = outcome
  const odds = percent(share).padStart(7)
  const because = ending ? `: ${endings[ending]}` : ''
  if (kind === 'closed') return `${odds}  closed by ${proxy}${because}`
  if (kind === 'answered')
    return `${odds}  ${grpcStatus === undefined ? status : `gRPC status ${grpcStatus}`} by ${proxy}${location ? `, to ${location}` : ''}${because}`
  const as = request ? ` as ${request.method} ${request.host ?? ''}${request.path}` : ''
  return `${odds}  reaches ${endpoint}${as}`
}

/** Objects, each once; of many, the first few. */
function refs(origin: readonly ObjectRef[] | undefined): string | undefined {
  // The same object may be named with its cluster and, by the resource itself, without.
  const located = new Set(
    (origin ?? []).filter(({ cluster }) => cluster !== '').map((ref) => formatRef({ ...ref, cluster: '' })),
  )
  const told = (origin ?? []).filter((ref) => ref.cluster !== '' || !located.has(formatRef(ref)))
  const all = [...new Set(told.map(formatRef))]
  if (all.length === 0) return undefined
  return all.length > 4 ? `${all.slice(0, 4).join(', ')} and ${all.length - 4} more` : all.join(', ')
}

function percent(share: number): string {
  const value = share * 100
  return `${Number.isInteger(value) ? value : value.toFixed(1)} %`
}
