// TrafficSettings of all levels: what of them holds for the workloads of a namespace, or of a service.
import { asList, asMap, asText, at, type Plain } from '../../shared/index.ts'

/** How some hosts are called. */
export interface UpstreamSetting {
  readonly hosts: readonly string[]
  readonly settings: Plain
}

/** Each part as the nearest level says it that says anything of it. */
export interface TrafficSetting {
  readonly reachability: Plain | undefined
  readonly egressHost: string
  /** Farther levels first; of two that fit a host the later one counts, field by field. */
  readonly upstream: readonly UpstreamSetting[]
  readonly rateLimiting: Plain | undefined
  /** `connectionPool`, `meshTimeout`. */
  readonly inbound: Plain | undefined
  /** Older: of connections that come in. */
  readonly downstreamKeepAlive: Plain | undefined
}

export const noTrafficSetting: TrafficSetting = {
  reachability: undefined,
  egressHost: '',
  upstream: [],
  rateLimiting: undefined,
  inbound: undefined,
  downstreamKeepAlive: undefined,
}

/** What holds when a level below says something too. */
export function withTraffic(above: TrafficSetting, spec: Plain): TrafficSetting {
  const newer = (part: string, field: string): unknown => at(spec, part, field) ?? spec[field]
  const reachability = filled(newer('outbound', 'reachability'))
  const isSaid = reachability !== undefined && asText(reachability['mode']) !== 'UNSET'
  return {
    reachability: isSaid ? reachability : above.reachability,
    egressHost: asText(at(newer('outbound', 'egress'), 'host')) || above.egressHost,
    upstream: [...above.upstream, ...olderUpstream(spec), ...upstreamOf(newer('outbound', 'upstreamTrafficSettings'))],
    rateLimiting: filled(newer('inbound', 'rateLimiting')) ?? above.rateLimiting,
    inbound: filled(at(spec, 'inbound', 'resilience')) ?? above.inbound,
    downstreamKeepAlive: filled(at(spec, 'resilience', 'keepAlive', 'tcp', 'downstream')) ?? above.downstreamKeepAlive,
  }
}

const filled = (value: unknown): Plain | undefined =>
  Object.keys(asMap(value)).length === 0 ? undefined : asMap(value)

function upstreamOf(list: unknown): UpstreamSetting[] {
  return asList(list).map((each) => ({
    hosts: asList(at(each, 'hosts')).map(asText),
    settings: asMap(at(each, 'settings')),
  }))
}

/** The older `resilience` is of all hosts. */
function olderUpstream({ resilience }: Plain): UpstreamSetting[] {
  const said = asMap(resilience)
  const keepAlive = at(said, 'keepAlive', 'tcp', 'upstream') ?? (said['tcpKeepalive'] === true ? {} : undefined)
  const pool = {
    ...(keepAlive !== undefined && { tcp: { keepAlive } }),
    http: {
      ...(said['httpRequestTimeout'] !== undefined && { requestTimeout: said['httpRequestTimeout'] }),
      ...(said['httpRetries'] !== undefined && { retries: said['httpRetries'] }),
    },
  }
  const sensitivity = said['circuitBreakerSensitivity']
  const settings = {
    resilience: { connectionPool: pool, ...(sensitivity !== undefined && { circuitBreakerSensitivity: sensitivity }) },
  }
  return Object.keys(said).length === 0 ? [] : [{ hosts: ['*'], settings }]
}
