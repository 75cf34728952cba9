// Random rules for routes.
import { compact, type Dice } from './dice.ts'
import {
  externalHost,
  externalHosts,
  groups,
  headerNames,
  headerPatterns,
  headerValues,
  methods,
  origins,
  pathPatterns,
  paths,
  ports,
  prefixes,
  queryNames,
  queryValues,
  secureHost,
  shortTimeout,
  subjects,
} from './vocabulary.ts'

type Fields = Record<string, unknown>

/** What rules may name: hosts with their subsets. */
export interface Targets {
  /** Routes may ask for claims of tokens. */
  readonly claims?: boolean
  readonly hosts: readonly { readonly host: string; readonly port: number; readonly subsets: readonly string[] }[]
}

function stringMatch(dice: Dice, exact: readonly string[], patterns: readonly string[]): Fields {
  const kind = dice.below(4)
  if (kind === 0) return { prefix: dice.pick(exact).slice(0, 2) || 'a' }
  if (kind === 1) return { regex: dice.pick(patterns) }
  return { exact: dice.pick(exact.filter((value) => value !== '')) }
}

function uriMatch(dice: Dice): Fields {
  const kind = dice.below(10)
  if (kind < 3) return { exact: dice.pick(paths) }
  return kind < 8 ? { prefix: dice.pick(prefixes) } : { regex: dice.pick(pathPatterns) }
}

function headerMatches(dice: Dice): Fields {
  return Object.fromEntries(
    dice
      .some(headerNames, 1, 2)
      .map((name) => [name, dice.chance(0.15) ? {} : stringMatch(dice, headerValues, headerPatterns)]),
  )
}

function claimMatches(dice: Dice): Fields {
  const [claim, values] = dice.pick([
    ['group', groups],
    ['sub', subjects],
  ] as const)
  const key = dice.chance(0.5) ? `@request.auth.claims.${claim}` : `@request.auth.claims[${claim}]`
  return { [key]: dice.chance(0.2) ? { prefix: 'a' } : { exact: dice.pick(values) } }
}

function httpMatch(dice: Dice, at: number, claims: boolean): Fields {
  return compact({
    name: dice.maybe(0.3, () => `m${at}`),
    uri: dice.maybe(0.7, () => uriMatch(dice)),
    ignoreUriCase: dice.maybe(0.15, () => true),
    headers: claims && dice.chance(0.25) ? claimMatches(dice) : dice.maybe(0.35, () => headerMatches(dice)),
    withoutHeaders: dice.maybe(0.12, () => headerMatches(dice)),
    method: dice.maybe(0.15, () => ({ exact: dice.pick(methods) })),
    queryParams: dice.maybe(0.15, () => ({
      [dice.pick(queryNames)]: dice.chance(0.2) ? { regex: '[a-z]+' } : { exact: dice.pick(['1', 'true']) },
    })),
    authority: dice.maybe(0.06, () => ({ prefix: dice.pick(['reviews', 'www', 'api']) })),
    scheme: dice.maybe(0.05, () => ({ exact: dice.pick(['http', 'https']) })),
    port: dice.maybe(0.05, () => dice.pick([ports.http, ports.auto])),
    sourceLabels: dice.maybe(0.08, () => ({ app: dice.pick(['client', 'guest', 'other']) })),
    sourceNamespace: dice.maybe(0.06, () => dice.pick(['shop', 'lobby'])),
  })
}

function headerOperations(dice: Dice): Fields {
  const names = [...headerNames, 't-new']
  const part = (): Fields =>
    compact({
      set: dice.maybe(0.5, () => ({ [dice.pick(names)]: dice.pick(['set', 'one']) })),
      add: dice.maybe(0.4, () => ({ [dice.pick(names)]: dice.pick(['added', 'two']) })),
      remove: dice.maybe(0.3, () => [dice.pick([...names, 't-up'])]),
    })
  return compact({ request: dice.maybe(0.7, part), response: dice.maybe(0.5, part) })
}

function destination(dice: Dice, { hosts }: Targets): Fields {
  const { host, port, subsets } = dice.pick(hosts)
  return compact({
    host: dice.chance(0.02) ? 'nowhere.shop.svc.cluster.local' : host,
    subset: dice.maybe(subsets.length > 0 ? 0.6 : 0, () => (dice.chance(0.04) ? 'v9' : dice.pick(subsets))),
    port: { number: port },
  })
}

function rewrite(dice: Dice): Fields {
  if (dice.chance(0.3)) {
    const [match, replacement] = dice.pick([
      ['^/a/(.*)', '/z/\\1'],
      ['/', '/-'],
      ['b', ''],
      ['^/([^/]+)/([^/]+)', '/\\2/\\1'],
    ] as const)
    return compact({
      uriRegexRewrite: { match, rewrite: replacement },
      authority: dice.maybe(0.3, () => 'new.example'),
    })
  }
  return compact({ uri: dice.pick(['/', '/new', '/new/', '/a']), authority: dice.maybe(0.4, () => 'new.example') })
}

function redirect(dice: Dice): Fields {
  const port = dice.below(4)
  return compact({
    uri: dice.maybe(0.4, () => dice.pick(['/moved', '/moved?x=1', '/'])),
    authority: dice.maybe(0.5, () => dice.pick(['new.example', 'new.example:8080'])),
    scheme: dice.maybe(0.4, () => dice.pick(['http', 'https'])),
    redirectCode: dice.maybe(0.5, () => dice.pick([301, 302, 303, 307, 308])),
    ...(port === 0 && { port: dice.pick([80, 443, 8443]) }),
    ...(port === 1 && { derivePort: dice.pick(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']) }),
  })
}

function fault(dice: Dice): Fields {
  const percentage = (): Fields => ({ value: dice.pick([0, 30, 100]) })
  return compact({
    abort: dice.maybe(0.7, () =>
      dice.chance(0.2)
        ? { grpcStatus: dice.pick(['UNAVAILABLE', 'NOT_FOUND']), percentage: percentage() }
        : { httpStatus: dice.pick([400, 418, 503, 555]), percentage: percentage() },
    ),
    delay: dice.maybe(0.3, () => ({ fixedDelay: '0.002s', percentage: percentage() })),
  })
}

function cors(dice: Dice): Fields {
  return compact({
    allowOrigins: [dice.chance(0.3) ? { regex: 'https://.*' } : { exact: dice.pick(origins) }],
    allowMethods: ['GET', 'POST'],
    allowHeaders: dice.maybe(0.5, () => ['t-user']),
    exposeHeaders: dice.maybe(0.3, () => ['t-up']),
    maxAge: dice.maybe(0.5, () => '24h'),
    allowCredentials: dice.maybe(0.3, () => true),
    unmatchedPreflights: dice.maybe(0.3, () => dice.pick(['FORWARD', 'IGNORE'])),
  })
}

function httpRoute(dice: Dice, targets: Targets, at: number, last: boolean): Fields {
  const kind = dice.below(12)
  const common = compact({
    name: dice.maybe(0.6, () => `r${at}`),
    match:
      last && dice.chance(0.8)
        ? undefined
        : dice.list(1, 2, (index) => httpMatch(dice, index, targets.claims === true)),
    headers: dice.maybe(0.3, () => headerOperations(dice)),
    fault: dice.maybe(0.12, () => fault(dice)),
    corsPolicy: dice.maybe(0.12, () => cors(dice)),
  })
  if (kind === 0) return { ...common, redirect: redirect(dice) }
  if (kind === 1)
    return {
      ...common,
      directResponse: compact({
        status: dice.pick([200, 404, 503]),
        body: dice.maybe(0.6, () => ({ string: 'said' })),
      }),
    }
  const count = dice.chance(0.6) ? 1 : 2 + dice.below(2)
  const route = Array.from({ length: count }, () =>
    compact({
      destination: destination(dice, targets),
      weight: count === 1 ? undefined : dice.pick([0, 10, 50, 90]),
      headers: dice.maybe(0.15, () => headerOperations(dice)),
    }),
  )
  return compact({
    ...common,
    route,
    rewrite: dice.maybe(0.25, () => rewrite(dice)),
    timeout: dice.maybe(0.2, () => dice.pick(['8s', '8s', shortTimeout])),
    retries: dice.maybe(0.25, () =>
      compact({
        attempts: dice.below(3),
        retryOn: dice.maybe(0.85, () =>
          dice.pick([
            '5xx',
            'connect-failure',
            'gateway-error',
            'retriable-4xx',
            '503,reset',
            '404,500',
            'refused-stream',
          ]),
        ),
        backoff: '0.002s',
        perTryTimeout: dice.maybe(0.12, () => shortTimeout),
        retryRemoteLocalities: dice.maybe(0.1, () => true),
      }),
    ),
    ...dice.pick([mirrors, () => ({}), () => ({}), () => ({}), () => ({})])(dice, targets),
  })
}

function mirrors(dice: Dice, targets: Targets): Fields {
  const percentage = (): Fields => ({ value: dice.pick([0, 40, 100, 100]) })
  if (dice.chance(0.5))
    return compact({
      mirror: destination(dice, targets),
      mirrorPercentage: dice.maybe(0.4, percentage),
    })
  return {
    mirrors: dice.list(1, 2, () =>
      compact({ destination: destination(dice, targets), percentage: dice.maybe(0.5, percentage) }),
    ),
  }
}

function httpRoutes(dice: Dice, targets: Targets): Fields[] {
  const count = 1 + dice.below(5)
  return Array.from({ length: count }, (_, at) => httpRoute(dice, targets, at, at === count - 1))
}

/** A rule for hosts; of some, a part of it is another object. */
export function httpRules(dice: Dice, name: string, spec: Fields, targets: Targets): Fields[] {
  const http = httpRoutes(dice, targets)
  if (!dice.chance(0.15)) return [virtualService(name, { ...spec, http })]
  const match = [compact({ uri: { prefix: dice.pick(prefixes) }, headers: dice.maybe(0.2, () => headerMatches(dice)) })]
  const delegating = compact({
    name: 'elsewhere',
    match: dice.maybe(0.8, () => match),
    delegate: { name: `${name}-part`, namespace: dice.maybe(0.5, () => 'shop') },
    headers: dice.maybe(0.2, () => headerOperations(dice)),
  })
  http.splice(dice.below(http.length), 0, delegating)
  return [virtualService(name, { ...spec, http }), virtualService(`${name}-part`, { http: httpRoutes(dice, targets) })]
}

export function virtualService(name: string, spec: Fields): Fields {
  return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name, namespace: 'shop' }, spec }
}

function consistentHash(dice: Dice): Fields {
  const by: () => Fields = dice.pick([
    () => ({ httpHeaderName: dice.pick(headerNames) }),
    () => ({ httpHeaderName: 'T-User' }),
    () => ({ httpCookie: { name: 'session', ttl: dice.pick(['0s', '60s']) } }),
    () => ({ httpCookie: { name: 'other' } }),
    () => ({ useSourceIp: true }),
    () => ({ httpQueryParameterName: dice.pick(queryNames) }),
  ])
  return compact({
    ...by(),
    ...dice.pick([
      {},
      {},
      { maglev: {} },
      { maglev: { tableSize: 1021 } },
      { ringHash: { minimumRingSize: 64 } },
      { ringHash: {} },
    ]),
  })
}

/** Settings of a service's endpoints; every service with versions has its subsets. */
export function destinationRule(dice: Dice, name: string, host: string, versions: readonly string[]): Fields {
  const trafficPolicy = (): Fields =>
    compact({
      loadBalancer: dice.maybe(0.65, () =>
        dice.chance(0.65)
          ? { consistentHash: consistentHash(dice) }
          : { simple: dice.pick(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM']) },
      ),
      outlierDetection: dice.maybe(0.3, () =>
        compact({ consecutive5xxErrors: 50, minHealthPercent: dice.maybe(0.4, () => dice.pick([0, 50])) }),
      ),
      connectionPool: dice.maybe(0.2, () => ({ http: { h2UpgradePolicy: dice.pick(['UPGRADE', 'DO_NOT_UPGRADE']) } })),
      tls: dice.maybe(0.15, () => ({ mode: dice.pick(['DISABLE', 'ISTIO_MUTUAL']) })),
    })
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace: 'shop' },
    spec: compact({
      host,
      trafficPolicy: dice.maybe(0.8, trafficPolicy),
      subsets: versions.map((version) =>
        compact({ name: version, labels: { version }, trafficPolicy: dice.maybe(0.2, trafficPolicy) }),
      ),
    }),
  }
}

export function serviceEntries(external: readonly string[], secure: readonly string[]): Fields[] {
  const entry = (name: string, spec: Fields): Fields => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'shop' },
    spec,
  })
  const static_ = { location: 'MESH_EXTERNAL', resolution: 'STATIC' }
  return [
    entry('external', {
      ...static_,
      hosts: [externalHost],
      ports: [{ number: ports.http, name: 'http', protocol: 'HTTP' }],
      endpoints: external.map((address) => ({ address })),
    }),
    entry('named', {
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
      hosts: [externalHosts[1]],
      ports: [{ number: ports.http, name: 'http', protocol: 'HTTP' }],
      endpoints: external.map((address) => ({ address })),
    }),
    entry('anywhere', {
      location: 'MESH_EXTERNAL',
      resolution: 'NONE',
      hosts: [externalHosts[2]],
      ports: [{ number: ports.http, name: 'http', protocol: 'HTTP' }],
    }),
    entry('secure', {
      ...static_,
      hosts: [secureHost],
      ports: [{ number: ports.tls, name: 'tls', protocol: 'TLS' }],
      endpoints: secure.map((address) => ({ address })),
    }),
  ]
}

export { queryValues }
