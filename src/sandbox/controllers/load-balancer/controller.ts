// The "cloud load balancer" of a cluster: one Envoy, an address for each Service of type LoadBalancer, TCP to its ready
// endpoints. Envoy reads files; this controller writes them, and the address into the Service once Envoy listens.
import { objectKey } from '../../../resources/index.ts'
import { resources, type Store } from '../client/index.ts'
import { serviceNameLabel } from '../endpoints/slices.ts'
import type { EndpointSlice, Service } from '../kinds.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'
import { equalJson } from '../runtime/equal.ts'
import { type AddressRange, freeAddress, isInRange } from './addresses.ts'
import { type Balanced, bootstrap, envoyFiles, type Front, type Peer } from './envoy-config.ts'
import { writeBootstrap, writeEnvoyFiles } from './files.ts'
import { listenPort, loadBalancerPortsAnnotation, lowPortsOn } from './ports.ts'

export interface LoadBalancerOptions {
  /** Where Envoy's files go; absolute. */
  readonly directory: string
  /** Addresses for services. */
  readonly addresses: AddressRange
  /** Envoy's own address, for its administration interface (port 15000). */
  readonly adminAddress: string
  /** Starts Envoy with a bootstrap file, and again whenever it ends; called once, with the first service. */
  readonly startEnvoy: (bootstrapFile: string) => Promise<void>
}

export interface LoadBalancer {
  readonly controller: Controller
  /** Who is told apart, and who is cut off. */
  setPeers(peers: readonly Peer[]): void
  /** Ways in beside the services. */
  setFronts(fronts: readonly Front[]): void
}

const adminPort = 15_000
const everything = 'all services'

/**
 * How long a service stands before its address is told. Every provisioner takes its time; whoever reads a service
 * right after creating it sees `<pending>`, on a fast machine as on a slow one.
 */
const settleMs = 1000

export function loadBalancer(options: LoadBalancerOptions): LoadBalancer {
  let peers: readonly Peer[] = []
  let fronts: readonly Front[] = []
  let poke: () => void = () => undefined
  const controller: Controller = {
    name: 'load-balancer',
    dutyOf: 'none',
    setUp(context) {
      const services = context.store<Service>(resources.services)
      const slices = context.store<EndpointSlice>(resources.endpointSlices)
      slices.index('load-balanced', (slice) => {
        const name = slice.metadata.labels?.[serviceNameLabel]
        return name === undefined ? [] : [`${slice.metadata.namespace}/${name}`]
      })
      const balancer = new Balancer(context, options, services, slices)
      const queue = context.queue({ reconcile: () => balancer.reconcile(peers, fronts), workers: 1 })
      poke = () => queue.add(everything)
      poke()
      services.listen((now, before) => {
        if (isBalanced(now) || isBalanced(before)) poke()
      })
      slices.listen((now, before) => {
        const slice = now ?? before
        const service = services.get(`${slice?.metadata.namespace}/${slice?.metadata.labels?.[serviceNameLabel]}`)
        if (isBalanced(service)) poke()
      })
    },
  }
  return {
    controller,
    setPeers(next) {
      peers = next
      poke()
    },
    setFronts(next) {
      fronts = next
      poke()
    },
  }
}

function isBalanced(service: Service | undefined): boolean {
  return service?.spec?.type === 'LoadBalancer' && (service.spec.loadBalancerClass ?? '') === ''
}

class Balancer {
  private readonly context: ControllerContext
  private readonly options: LoadBalancerOptions
  private readonly services: Store<Service>
  private readonly slices: Store<EndpointSlice>
  private readonly addresses = new Map<string, string>()
  private lowPorts: Promise<'free' | 'reserved'> | undefined
  private started: Promise<void> | undefined
  private readonly told = new Set<string>()
  private readonly firstSeen = new Map<string, number>()

  constructor(
    context: ControllerContext,
    options: LoadBalancerOptions,
    services: Store<Service>,
    slices: Store<EndpointSlice>,
  ) {
    this.context = context
    this.options = options
    this.services = services
    this.slices = slices
  }

  async reconcile(peers: readonly Peer[], fronts: readonly Front[]): Promise<{ againAfterMs: number } | undefined> {
    const balanced: Balanced[] = []
    this.lowPorts ??= lowPortsOn(this.options.adminAddress)
    const lowPorts = await this.lowPorts
    const wanted = this.services.list().filter((service) => isBalanced(service) && !isForeign(service))
    this.assign(wanted)
    for (const service of wanted) {
      const address = this.addresses.get(objectKey(service))
      if (address === undefined) continue
      const ports = new Map((service.spec?.ports ?? []).map(({ port }) => [port, listenPort(port, lowPorts)]))
      const slices = this.slices.by('load-balanced', objectKey(service)).filter((s) => s.addressType === 'IPv4')
      balanced.push({ service, address, ports, slices })
    }
    const files = envoyFiles(balanced, peers, this.options.directory, fronts)
    await writeEnvoyFiles(this.options.directory, files)
    await this.release()
    if (files.names.length === 0) return undefined
    this.started ??= this.start()
    await this.started
    const listening = await this.listening()
    const settled = balanced.filter(({ service }) => this.hasSettled(service))
    for (const one of settled) {
      const names = (one.service.spec?.ports ?? []).map(({ port }) => `${objectKey(one.service)}:${port}`)
      if (names.every((name) => listening.has(name))) await this.publish(one)
    }
    const done = settled.length === balanced.length && files.names.every((name) => listening.has(name))
    return done ? undefined : { againAfterMs: 100 }
  }

  private hasSettled({ metadata }: Service): boolean {
    const uid = metadata.uid ?? ''
    const since = this.firstSeen.get(uid) ?? Date.now()
    this.firstSeen.set(uid, since)
    return Date.now() - since >= settleMs
  }

  /** Gives each service its address: the one that it had, if it is ours and free. */
  private assign(wanted: readonly Service[]): void {
    const uids = new Set(wanted.map(({ metadata }) => metadata.uid ?? ''))
    for (const uid of this.firstSeen.keys()) if (!uids.has(uid)) this.firstSeen.delete(uid)
    const keys = new Set(wanted.map(objectKey))
    for (const key of this.addresses.keys()) if (!keys.has(key)) this.addresses.delete(key)
    const missing = wanted.filter((service) => !this.addresses.has(objectKey(service)))
    const taken = new Set(this.addresses.values())
    const take = (service: Service, address: string | undefined): void => {
      if (address === undefined || taken.has(address)) return
      taken.add(address)
      this.addresses.set(objectKey(service), address)
    }
    for (const service of missing) {
      const before = service.status?.loadBalancer?.ingress?.[0]?.ip ?? service.spec?.loadBalancerIP ?? ''
      if (before !== '' && isInRange(this.options.addresses, before)) take(service, before)
    }
    for (const service of missing) {
      if (this.addresses.has(objectKey(service))) continue
      take(service, freeAddress(this.options.addresses, taken))
      if (!this.addresses.has(objectKey(service))) {
        this.recordOnce(service, 'Warning', 'NoAddress', 'No address is left for this load balancer')
      }
    }
  }

  private async start(): Promise<void> {
    const { directory, adminAddress } = this.options
    const admin = { address: adminAddress, port: adminPort }
    await this.options.startEnvoy(await writeBootstrap(directory, bootstrap(this.context.cluster, directory, admin)))
  }

  /** Names of the listeners that Envoy has open; none while it does not answer. */
  private async listening(): Promise<ReadonlySet<string>> {
    try {
      const url = `http://${this.options.adminAddress}:${adminPort}/listeners?format=json`
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
      const body = (await answer.json()) as { listener_statuses?: { name: string }[] }
      return new Set(body.listener_statuses?.map((status) => status.name))
    } catch {
      return new Set()
    }
  }

  private async publish({ service, address, ports }: Balanced): Promise<void> {
    const { api } = this.context
    const shifted = Object.fromEntries([...ports].filter(([port, real]) => port !== real))
    const annotation = Object.keys(shifted).length > 0 ? JSON.stringify(shifted) : undefined
    let { resourceVersion } = service.metadata
    if (service.metadata.annotations?.[loadBalancerPortsAnnotation] !== annotation) {
      const annotations = { [loadBalancerPortsAnnotation]: annotation ?? null }
      const body = { metadata: { resourceVersion, annotations } }
      const annotated = await api.patch<Service>(resources.services, service.metadata, { type: 'merge', body })
      resourceVersion = annotated.metadata.resourceVersion
      this.services.put(annotated)
      if (annotation !== undefined) {
        const pairs = Object.entries(shifted).map(([port, real]) => `${port} is served on ${real}`)
        const message = `Ports below 1024 cannot be bound by this user: ${pairs.join(', ')}`
        this.recordOnce(service, 'Normal', 'PortsShifted', message)
      }
    }
    const loadBalancer = { ingress: [{ ip: address, ipMode: 'VIP' }] }
    if (
      equalJson(
        service.status?.loadBalancer?.ingress?.map(({ ip }) => ip),
        [address],
      )
    )
      return
    // Refused as a conflict if the service changed since it was read: another load balancer may have taken it up.
    const body = { metadata: { resourceVersion }, status: { loadBalancer } }
    const patched = await api.patch<Service>(resources.services, service.metadata, {
      type: 'merge',
      subresource: 'status',
      body,
    })
    this.services.put(patched)
    this.recordOnce(service, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer at ${address}`)
  }

  /** Takes the address out of services that are of another type by now. */
  private async release(): Promise<void> {
    for (const service of this.services.list()) {
      const ip = service.status?.loadBalancer?.ingress?.[0]?.ip
      if (isBalanced(service) || ip === undefined || !isInRange(this.options.addresses, ip)) continue
      const body = { status: { loadBalancer: { ingress: null } } }
      const patch = { type: 'merge', subresource: 'status', body } as const
      this.services.put(await this.context.api.patch<Service>(resources.services, service.metadata, patch))
    }
  }

  private recordOnce(service: Service, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const id = `${service.metadata.uid} ${reason} ${message}`
    if (this.told.has(id)) return
    this.told.add(id)
    this.context.events('service-controller').record(service, type, reason, message)
  }
}

/** A service that another load balancer serves: it has an address outside of this machine. */
function isForeign(service: Service): boolean {
  const ip = service.status?.loadBalancer?.ingress?.[0]?.ip
  return ip !== undefined && !ip.startsWith('127.')
}
