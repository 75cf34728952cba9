// Failovers (fairlead.dev): rungs, weights, thresholds, retries, switches.
import { describe, expect, it } from 'vitest'
import { failoverProblems } from '../../mesh/index.ts'
import { buildProxyConfig } from './proxy-config.ts'
import { proxyOf, worldOf } from './test-world.ts'

interface Pod {
  readonly name: string
  readonly ip: string
  readonly ready?: boolean
  readonly version?: string
}

const service = (labels = '{}'): string => `
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop, labels: ${labels}}
spec: {clusterIP: 10.0.0.1, selector: {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}
`

const pods = (cluster: string, zone: string, list: readonly Pod[]): string =>
  [
    `
apiVersion: v1
kind: Node
metadata: {name: node-${cluster}, labels: {topology.kubernetes.io/region: ${zone.slice(0, 2)}, topology.kubernetes.io/zone: ${zone}}}
`,
    ...list.map(
      ({ name, ip, version = 'v1' }) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: shop, version: ${version}}}
spec: {nodeName: node-${cluster}}
status: {podIP: ${ip}}
`,
    ),
    `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-${cluster}, namespace: shop, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
${list
  .map(
    ({ name, ip, ready = true }) =>
      `- {addresses: [${ip}], nodeName: node-${cluster}, conditions: {ready: ${ready}}, targetRef: {kind: Pod, name: ${name}, namespace: shop}}`,
  )
  .join('\n')}
`,
  ].join('---')

const failover = (spec: string, name = 'shop'): string => `
apiVersion: fairlead.dev/v1alpha1
kind: Failover
metadata: {name: ${name}, namespace: shop}
spec: ${spec}
`

const namespace = (name: string, labels = '{}'): string => `
apiVersion: v1
kind: Namespace
metadata: {name: ${name}, labels: ${labels}}
`

const eastPods = [
  { name: 'e1', ip: '10.1.0.1' },
  { name: 'e2', ip: '10.1.0.2', version: 'v2' },
]
const westPods = [{ name: 'w1', ip: '10.2.0.1' }]

function clusters(
  own: string,
  { east = eastPods, west = westPods }: { east?: readonly Pod[]; west?: readonly Pod[] } = {},
) {
  return worldOf({
    east: [service(), pods('east', 'eu-a', east), own].join('---'),
    west: [service(), pods('west', 'us-a', west)].join('---'),
    south: [service(), pods('south', 'af-a', [{ name: 's1', ip: '10.3.0.1' }])].join('---'),
  })
}

type World = ReturnType<typeof clusters>

const clusterName = 'outbound|80||shop.shop.svc.cluster.local'
const client = (labels: object = {}) => proxyOf({ name: 'client', metadata: {}, locality: 'eu/eu-a', ...labels })

function configOf(world: World, proxy = client()) {
  const config = buildProxyConfig(world, proxy)
  const assignment = config.endpoints.find(({ resource }) => resource.clusterName === clusterName)?.resource
  const cluster = config.clusters.find(({ resource }) => resource.name === clusterName)?.resource
  const routes = config.routes
    .flatMap(({ resource }) => resource.virtualHosts)
    .find(({ domains }) => domains.includes('shop.shop.svc.cluster.local'))?.routes
  return { assignment, cluster, routes }
}

/** `priority region weight: address×weight …` */
function rungsOf(world: World, proxy = client()): string[] {
  const groups = configOf(world, proxy).assignment?.endpoints ?? []
  return groups
    .map(({ priority, locality, loadBalancingWeight, lbEndpoints }) => {
      const endpoints = lbEndpoints.map(({ hostIdentifier, loadBalancingWeight: own, healthStatus }) => {
        const at = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined
        const ip = at?.case === 'socketAddress' ? at.value.address : ''
        return `${ip}×${own}${healthStatus === 5 ? ' degraded' : healthStatus === 2 ? ' unhealthy' : ''}`
      })
      return `${priority} ${locality?.region} ${loadBalancingWeight}: ${endpoints.join(' ')}`
    })
    .sort()
}

const told = (world: World): string[] =>
  world.get(failoverProblems, undefined).map(({ code, path, severity }) => `${severity} ${code} ${path}`)

describe('rungs', () => {
  it('come in their order, with what no rung has behind them', () => {
    const world = clusters(
      failover('{hosts: [shop], rungs: [{members: [{clusters: [west]}]}, {members: [{clusters: [east]}]}]}'),
    )
    expect(rungsOf(world)).toEqual(['0 us 1: 10.2.0.1×1', '1 eu 2: 10.1.0.1×1 10.1.0.2×1', '2 af 1: 10.3.0.1×1'])
    expect(told(world)).toEqual([])
  })

  it('leave out what no rung has, where that is asked for', () => {
    const world = clusters(failover('{hosts: [shop], others: Never, rungs: [{members: [{clusters: [west]}]}]}'))
    expect(rungsOf(world)).toEqual(['0 us 1: 10.2.0.1×1'])
  })

  it('have weights inside: each member its share, whatever the number of its endpoints', () => {
    const world = clusters(
      failover(
        '{hosts: [shop], rungs: [{members: [{clusters: [east], weight: 80}, {localities: [us/*], weight: 20}]}, {members: [{}]}]}',
      ),
    )
    expect(rungsOf(world)).toEqual([
      '0 eu 80000: 10.1.0.1×40000 10.1.0.2×40000',
      '0 us 20000: 10.2.0.1×20000',
      '1 af 1: 10.3.0.1×1',
    ])
    const { cluster, assignment } = configOf(world)
    expect(cluster?.commonLbConfig?.localityConfigSpecifier.case).toBe('localityWeightedLbConfig')
    expect(assignment?.policy?.weightedPriorityHealth).toBe(true)
  })

  it('split endpoints of one locality by labels', () => {
    const world = clusters(
      failover(
        '{hosts: [shop], rungs: [{members: [{clusters: [east], labels: {version: v1}, weight: 9}, {clusters: [east], labels: {version: v2}, weight: 1}]}]}',
      ),
    )
    expect(rungsOf(world)[0]).toBe('0 eu 10000: 10.1.0.1×9000 10.1.0.2×1000')
  })

  it('leave out members of weight 0', () => {
    const world = clusters(
      failover(
        '{hosts: [shop], rungs: [{members: [{clusters: [east], weight: 0}, {clusters: [west], weight: 1}]}], others: Never}',
      ),
    )
    expect(rungsOf(world)).toEqual(['0 us 1000: 10.2.0.1×1000'])
  })

  it('may be about where the caller is', () => {
    const world = clusters(
      failover('{hosts: [shop], rungs: [{members: [{clusters: [.]}]}, {members: [{same: Region}]}, {members: [{}]}]}'),
    )
    expect(rungsOf(world)[0]).toBe('0 eu 2: 10.1.0.1×1 10.1.0.2×1')
  })

  it('may name subsets of a DestinationRule', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop, namespace: shop}
spec: {host: shop, subsets: [{name: new, labels: {version: v2}}]}
`
    const spec = '{hosts: [shop], rungs: [{members: [{subset: new}]}, {members: [{subset: old}]}]}'
    const world = clusters([failover(spec), rule].join('---'))
    expect(rungsOf(world)[0]).toBe('0 eu 1: 10.1.0.2×1')
    expect(told(world)).toEqual(['error reference-not-found spec.rungs[1].members[0].subset'])
  })
})

describe('thresholds', () => {
  it('say from when on a rung spills over', () => {
    const world = clusters(failover('{hosts: [shop], thresholds: {spillBelowPercent: 50}}'))
    expect(configOf(world).assignment?.policy?.overprovisioningFactor).toBe(200)
  })

  it('put a failed rung behind all others', () => {
    const rungs = '[{members: [{clusters: [east]}]}, {members: [{clusters: [west]}]}]'
    const world = clusters(
      failover(`{hosts: [shop], others: Never, rungs: ${rungs}, thresholds: {failedBelowPercent: 60}}`),
      { east: [eastPods[0] ?? { name: '', ip: '' }, { name: 'e2', ip: '10.1.0.2', ready: false }] },
    )
    expect(rungsOf(world)).toEqual(['0 eu 2: 10.1.0.1×1 degraded 10.1.0.2×1 unhealthy', '1 us 1: 10.2.0.1×1'])
  })
})

describe('a failed rung', () => {
  it('is used in full where nothing else is healthy', () => {
    const rungs = '[{members: [{clusters: [east]}]}, {members: [{clusters: [west]}]}]'
    const world = clusters(
      failover(`{hosts: [shop], others: Never, rungs: ${rungs}, thresholds: {failedBelowPercent: 60}}`),
      {
        east: [
          { name: 'e1', ip: '10.1.0.1' },
          { name: 'e2', ip: '10.1.0.2', ready: false },
        ],
        west: [{ name: 'w1', ip: '10.2.0.1', ready: false }],
      },
    )
    expect(rungsOf(world)).toEqual(['0 eu 2: 10.1.0.1×1 10.1.0.2×1 unhealthy', '1 us 1: 10.2.0.1×1 unhealthy'])
  })
})

describe('retries', () => {
  it('are as the Failover says', () => {
    const world = clusters(failover('{hosts: [shop], retry: {attempts: 7, perTryTimeout: 250ms, triesPerRung: 2}}'))
    const [repeatable] = configOf(world).routes ?? []
    const action = repeatable?.action.case === 'route' ? repeatable.action.value : undefined
    expect(action?.retryPolicy).toMatchObject({ numRetries: 7, perTryTimeout: { nanos: 250_000_000 } })
  })

  it('can be turned off', () => {
    const routes = configOf(clusters(failover('{hosts: [shop], retry: {attempts: 0}}'))).routes
    expect(routes?.map(({ action }) => action.case === 'route' && action.value.retryPolicy)).toEqual([undefined])
  })
})

/** The world while the rung of a name has come back so far. */
const during = (world: World, rung: string, phase: string): World => ({
  ...world,
  get: (query, key) => query.compute(during(world, rung, phase), key),
  document: (place) => (place === `fail-back:east|shop/shop.shop.svc.cluster.local|${rung}` ? phase : undefined),
})

describe('fail-back', () => {
  const rungs = 'others: Never, rungs: [{name: home, members: [{clusters: [east]}]}, {members: [{clusters: [west]}]}]'
  const slow = clusters(failover(`{hosts: [shop], failBack: {after: 30s, over: 1m}, ${rungs}}`))

  it('holds a rung that is well again', () => {
    expect(rungsOf(during(slow, 'home', 'held'))).toEqual([
      '0 eu 2: 10.1.0.1×1 degraded 10.1.0.2×1 degraded',
      '1 us 1: 10.2.0.1×1',
    ])
  })

  it('gives it more and more of what the next one has', () => {
    expect(rungsOf(during(slow, 'home', '30'))).toEqual([
      '0 eu 300000: 10.1.0.1×150000 10.1.0.2×150000',
      '0 us 700000: 10.2.0.1×700000',
    ])
  })

  it('puts rungs of one locality together on the way', () => {
    const byVersion =
      'others: Never, rungs: [{name: home, members: [{labels: {version: v2}}]}, {members: [{clusters: [east]}]}]'
    const world = clusters(failover(`{hosts: [shop], failBack: {over: 1m}, ${byVersion}}`))
    expect(rungsOf(during(world, 'home', '10'))).toEqual(['0 eu 1000000: 10.1.0.2×100000 10.1.0.1×900000'])
  })

  it('leaves what failed alone for as long as it says', () => {
    const { cluster } = configOf(clusters(failover('{hosts: [shop], failBack: {after: 30s, over: 1m}}')))
    expect(cluster?.outlierDetection?.baseEjectionTime?.seconds).toBe(30n)
    expect(cluster?.outlierDetection?.maxEjectionTimeJitter?.seconds).toBe(60n)
    expect(cluster?.lbConfig).toMatchObject({
      case: 'leastRequestLbConfig',
      value: { slowStartConfig: { slowStartWindow: { seconds: 60n } } },
    })
  })
})

const spec = '{hosts: [shop], rungs: [{members: [{clusters: [west]}]}]}'

describe('switches', () => {
  const isOff = (world: World): boolean => {
    const { cluster, routes } = configOf(world)
    return cluster?.outlierDetection === undefined && routes?.length === 1
  }
  const off = '{fairlead.dev/failover: disabled}'
  const on = '{fairlead.dev/failover: enabled}'

  it('are on if nobody says anything', () => {
    expect(isOff(clusters(failover(spec)))).toBe(false)
    expect(isOff(clusters(namespace('shop')))).toBe(false)
  })

  it('turn a namespace off', () => {
    const world = clusters([failover(spec), namespace('shop', off)].join('---'))
    expect(isOff(world)).toBe(true)
    expect(rungsOf(world).map((line) => line[0])).toEqual(['0', '0', '0'])
    expect(told(world)).toEqual(['warning no-effect spec.hosts[0]'])
  })

  it('turn the mesh off, but for the namespaces that say otherwise', () => {
    expect(isOff(clusters(namespace('istio-system', off)))).toBe(true)
    expect(isOff(clusters([namespace('istio-system', off), namespace('shop', on)].join('---')))).toBe(false)
  })

  it('turn a service off, or on where its namespace is off', () => {
    const world = (labels: string, more: string) =>
      worldOf({
        east: [service(labels), pods('east', 'eu-a', eastPods), more].join('---'),
        west: [service(), pods('west', 'us-a', westPods)].join('---'),
      })
    expect(isOff(world(off, namespace('shop')))).toBe(true)
    expect(isOff(world(on, namespace('shop', off)))).toBe(false)
  })

  it('can be an object', () => {
    expect(isOff(clusters(failover('{hosts: [shop], disabled: true}')))).toBe(true)
  })
})

describe('problems', () => {
  it('tell of services that are not there, and of those of others', () => {
    const other = service().replace('namespace: shop', 'namespace: other')
    const world = clusters([other, failover('{hosts: [nobody, shop.other.svc.cluster.local], retry: {}}')].join('---'))
    expect(told(world)).toEqual(['error reference-not-found spec.hosts[0]', 'error not-allowed spec.hosts[1]'])
  })

  it('tell of two objects for one service: the older one counts', () => {
    const second = failover(spec, 'second')
    const world = clusters([failover(spec), second].join('---'))
    const problems = world.get(failoverProblems, undefined)
    expect(
      problems.map(({ object, code, message }) => [object.name, code, message.includes('Failover shop/')]),
    ).toEqual([['shop', 'conflict', true]])
  })

  it('tell of clusters that nobody knows', () => {
    const world = clusters(failover('{hosts: [shop], rungs: [{members: [{clusters: [north]}]}]}'))
    expect(told(world)).toEqual(['warning reference-not-found spec.rungs[0].members[0].clusters[0]'])
    expect(rungsOf(world).map((line) => line[0])).toEqual(['0', '0', '0'])
  })

  it('tell of a DestinationRule that orders localities, too', () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop, namespace: shop}
spec: {host: shop, trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: true}}, outlierDetection: {}}}
`
    expect(told(clusters([failover(spec), rule].join('---')))).toEqual(['warning conflict spec.rungs'])
  })
})

describe('drains', () => {
  const drain = '{apiVersion: fairlead.dev/v1alpha1, kind: Drain, metadata: {name: a}}'
  const entry = (more: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop-global, namespace: shop}
spec:
  hosts: [shop.global]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.1.0.1}, {address: 192.0.2.1${more}}]
`
  const addresses = (more: string): string[] => {
    const config = buildProxyConfig(clusters([entry(more), drain].join('---\n')), client())
    const found = config.endpoints.find(({ resource }) => resource.clusterName === 'outbound|80||shop.global')
    return (found?.resource.endpoints ?? []).flatMap(({ lbEndpoints }) =>
      lbEndpoints.flatMap(({ hostIdentifier }) => {
        const at = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined
        return at?.case === 'socketAddress' ? [at.value.address] : []
      }),
    )
  }

  it('leave the gateways of other clusters, of which ServiceEntries tell', () => {
    expect(addresses('')).toEqual(['192.0.2.1'])
    expect(addresses(', labels: {xcp.tetrate.io/cluster: west}')).toEqual(['192.0.2.1'])
  })

  it('stand among the objects that endpoints come from, where they take some away', () => {
    const kinds = (more: string): string[] => {
      const { endpoints } = buildProxyConfig(clusters(`\n${more}`), client())
      const found = endpoints.find(
        ({ resource }) => resource.clusterName === 'outbound|80||shop.shop.svc.cluster.local',
      )
      return (found?.origin ?? []).map(({ kind }) => kind).filter((kind) => kind === 'Drain')
    }
    expect(kinds(drain)).toEqual(['Drain'])
    expect(
      kinds('{apiVersion: fairlead.dev/v1alpha1, kind: Drain, metadata: {name: a}, spec: {clusters: [other]}}'),
    ).toEqual([])
  })
})
