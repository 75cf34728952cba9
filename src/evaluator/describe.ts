// A trace in words, as an engineer would note it down.
import { formatRef, type ObjectRef } from '../report/index.ts'
import type { Decision, Destination } from './decision.ts'
import { describeChange, type HeaderChange } from './header-changes.ts'
import { describePolicy, originOfPolicy } from './origin.ts'
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
  'upgrade-refused': 'the proxy does not let connections change to this protocol',
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

/** Where an object stands that a user wrote, or a part of it (`spec.rules[1]`): `shop.yaml:12`; undefined if that is not known. */
export type PlaceOf = (ref: ObjectRef, path?: string) => string | undefined

/** What is told beside the trace itself. */
export interface Telling {
  readonly placeOf?: PlaceOf
  readonly hints?: readonly string[]
}

/** Lines of text for a whole trace: the hops in order, then what comes of it. Proxies that do the same are told once. */
export function describeTrace(hop: Hop, { placeOf = () => undefined, hints = [] }: Telling = {}): string {
  const groups = new Map<string, { readonly text: readonly string[]; readonly proxies: string[] }>()
  const note = (each: Hop): void => {
    const { proxy } = each.decision
    // Objects that a resource names without their cluster are of the proxy's own.
    const cluster = proxy.includes('/') ? proxy.slice(0, proxy.indexOf('/')) : ''
    const text = describeHop(each, (ref, path) => placeOf(ref.cluster === '' ? { ...ref, cluster } : ref, path))
    const key = text.join('\n').replaceAll(each.call.address, 'its address')
    const known = groups.get(key)
    if (known && !known.proxies.includes(proxy)) known.proxies.push(proxy)
    if (known) return
    groups.set(key, { text, proxies: [proxy] })
    for (const branch of each.branches) if (branch.hop) note(branch.hop)
  }
  note(hop)
  const told = [...groups.values()].flatMap(({ text, proxies: [proxy = '', ...alike] }, at) => [
    `${at + 1}. ${proxy}${alike.length === 0 ? '' : `, and so ${someOf(alike)}`}`,
    ...text.map((line) => `   ${line}`),
    '',
  ])
  return [
    ...told,
    'Outcome',
    ...outcomesOf(hop).map((outcome) => `   ${describeOutcome(outcome, hop)}`),
    ...(hints.length === 0 ? [] : ['', ...hints.map((hint) => `Note: ${hint}`)]),
  ].join('\n')
}

const mostNames = 4

function someOf(names: readonly string[]): string {
  const more = names.length - mostNames
  return more > 0 ? `${names.slice(0, mostNames).join(', ')} and ${more} more` : names.join(', ')
}

function describeHop({ call, decision, branches }: Hop, placeOf: PlaceOf): string[] {
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
    ...d.verdicts.flatMap((verdict) => [
      ...row('policy', describeVerdict(verdict, placeOf)),
      ...rulesThatFail(verdict, placeOf).map((text) => `${' '.repeat(13)}${text}`),
    ]),
    ...row('virtual host', d.virtualHost && `${d.virtualHost} of routes ${d.routeConfiguration || '(inline)'}`),
    ...row('route', d.because && [d.route ? `"${d.route}": ` : '', d.because.join(' and ')].join('')),
    ...row('from', refs(d.routeOrigin, placeOf)),
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
        placeOf,
      ),
    ),
    ...row('ends', d.ending && `${endings[d.ending]}${d.status === undefined ? '' : ` (${d.status})`}`),
  ]
}

function describeVerdict(verdict: Verdict, placeOf: PlaceOf): string {
  const { filter, action, allowed, policy, dryRun, dryRunPolicy, note } = verdict
  const short = filter.replace(/^envoy\.filters\.(http|network)\./, '')
  if (action === 'TOKEN' || action === 'ASK') return `${allowed ? '' : 'DENIED: '}${note ?? ''} (${short})`
  const by = policy === undefined ? `no ${action} rule matches` : placed(policy, placeOf)
  const result = action === 'LOG' ? (policy === undefined ? 'not audited' : 'audited') : allowed ? 'allowed' : 'DENIED'
  const dry =
    dryRun === undefined
      ? ''
      : `; dry run would ${dryRun}${dryRunPolicy === undefined ? '' : ` by ${placed(dryRunPolicy, placeOf)}`}`
  return `${action}: ${result}, ${by}${dry}`
}

/** A rule with its place in the user's file. */
function placed(policy: string, placeOf: PlaceOf): string {
  const origin = originOfPolicy(policy)
  const place = origin && placeOf(origin.ref, `spec.rules[${origin.rule}]`)
  return describePolicy(policy) + (place === undefined ? '' : ` (${place})`)
}

const mostRules = 6

/** The rules that were asked and do not match, each with the condition that is missing. */
function rulesThatFail({ rules = [], dryRunRules = [] }: Verdict, placeOf: PlaceOf): string[] {
  const failing = [...rules, ...dryRunRules].filter(({ failed }) => failed !== undefined)
  const told = failing
    .slice(0, mostRules)
    .map(({ policy, failed }) => `not ${placed(policy, placeOf)}, for want of: ${failed}`)
  return failing.length > mostRules ? [...told, `and ${failing.length - mostRules} more that do not match`] : told
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

function describeDestination(destination: Destination, branches: readonly Branch[], placeOf: PlaceOf): string[] {
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
    ...(destination.origin.length > 0 ? [indent(`from ${refs(destination.origin.toSorted(byRank), placeOf)}`)] : []),
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

function describeOutcome(outcome: Outcome, { decision: first }: Hop): string {
  const { share, kind, proxy, endpoint, request, status, grpcStatus, ending, location } = outcome
  const odds = percent(share).padStart(7)
  const because = ending ? `: ${endings[ending]}` : ''
  if (kind === 'closed') return `${odds}  closed by ${proxy}${because}`
  if (kind === 'answered')
    return `${odds}  ${grpcStatus === undefined ? status : `gRPC status ${grpcStatus}`} by ${proxy}${location ? `, to ${location}` : ''}${because}`
  const as = request ? ` as ${request.method} ${request.host ?? ''}${request.path}` : ''
  // The proxy that stands before the program, if there is one.
  const behind = proxy === first.proxy ? '' : `, behind ${proxy}`
  return `${odds}  reaches ${endpoint}${as}${behind}`
}

/** Objects, each once; of many, the first few. */
function refs(origin: readonly ObjectRef[] | undefined, placeOf: PlaceOf): string | undefined {
  // The same object may be named with its cluster and, by the resource itself, without.
  const located = new Set(
    (origin ?? []).filter(({ cluster }) => cluster !== '').map((ref) => formatRef({ ...ref, cluster: '' })),
  )
  const told = (origin ?? []).filter((ref) => ref.cluster !== '' || !located.has(formatRef(ref)))
  const named = told.map((ref) => {
    const place = placeOf(ref)
    return place === undefined ? formatRef(ref) : `${formatRef({ ...ref, cluster: '' })} (${place})`
  })
  return named.length === 0 ? undefined : someOf([...new Set(named)])
}

function percent(share: number): string {
  const value = share * 100
  return `${Number.isInteger(value) ? value : value.toFixed(1)} %`
}
