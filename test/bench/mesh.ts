// One size of mesh, measured: API servers, a control plane, simulated sidecars, and the changes that are timed.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { KubeClient, loadAccess } from '../../src/clusters/index.ts'
import { nodesOf, SidecarFleet } from './fleet.ts'
import {
  allClusters,
  type BenchService,
  benchServices,
  clusterObjects,
  clustersOfPod,
  destinationRule,
  isScoped,
  istioObjects,
  type Size,
  sliceObject,
  types,
  virtualService,
  type Written,
} from './objects.ts'
import { answer, freePort, mergedKubeconfig, startNode, stop, vitals } from './processes.ts'
import { percentile, type Row } from './report.ts'
import { type SidecarNode, typeUrls } from './sidecar.ts'

const clusterName = (i: number): string => `bench-${i + 1}`
const quietMs = 500
const writers = 24
const settleSeconds = 300

export type Say = (line: string) => void

/** Runs all phases on a mesh of this size; everything that it starts ends with it. */
export function measureMesh(size: Size, say: Say): Promise<Row[]> {
  return withMesh(size, say, (run) => phases(run, say))
}

/** Runs something on a mesh of this size, and ends everything that this takes. */
export async function withMesh<T>(size: Size, say: Say, work: (run: Run) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  const children: ReturnType<typeof startNode>[] = []
  let fleet: SidecarFleet | undefined
  try {
    const services = benchServices(size)
    const clients: KubeClient[] = []
    const members = []
    for (let i = 0; i < size.clusters; i++) {
      const member = await startCluster(folder, i, (child) => children.push(child))
      members.push(member)
      clients.push(new KubeClient(loadAccess(member.kubeconfig)))
    }
    const kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, mergedKubeconfig(members))
    const http = `127.0.0.1:${await freePort()}`
    const xds = `127.0.0.1:${await freePort()}`
    const serve = ['bin/fairlead.mjs', 'serve', '--kubeconfig', kubeconfig, '--context', clusterName(0)]
    const addresses = ['--http', http, '--xds', '127.0.0.1:0', '--xds-plaintext', xds, '--no-state-dir']
    children.push(startNode([...serve, '--cluster-name', clusterName(0), ...addresses], join(folder, 'serve.log')))
    await ready(http)
    const [first] = clients
    if (!first) throw new Error('a mesh has at least one cluster')
    for (const [i, client] of clients.entries()) {
      await putAll(client, clusterObjects(size, services, i))
      // Each is told of all others, so that proxies of every cluster see the endpoints of all.
      for (const member of members)
        if (member !== members[i]) await client.create(types.secret, remoteSecret(member.name, member.kubeconfig))
      say(`${clusterName(i)}: objects written`)
    }
    await putAll(first, istioObjects(size, services))
    await settled(http)
    fleet = new SidecarFleet(xds)
    return await work({ size, services, client: first, http, fleet })
  } catch (error) {
    say(`the control plane's last words:\n${lastLines(join(folder, 'serve.log'))}`)
    throw error
  } finally {
    fleet?.close()
    for (const child of children.reverse()) await stop(child)
    rmSync(folder, { recursive: true, force: true })
  }
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-20).join('\n') : '(none)'
}

export interface Run {
  readonly size: Size
  readonly services: readonly BenchService[]
  /** Of the cluster that holds Istio's objects. */
  readonly client: KubeClient
  readonly http: string
  readonly fleet: SidecarFleet
}

async function phases(run: Run, say: Say): Promise<Row[]> {
  const { size, services, client, fleet } = run
  const rows: Row[] = []
  const phase = async (name: string, times: () => Promise<number[]>): Promise<void> => {
    const row = await measured(run, name, times)
    rows.push(row)
    say(`${name}: p50 ${row.p50.toFixed(0)} ms, p99 ${row.p99.toFixed(0)} ms`)
  }
  const nodes = nodesOf(size, services, clusterName)
  await phase('cold connect', async () => [await fleet.connect(nodes)])
  const withPolicies = services.filter(({ hasPolicies }) => hasPolicies)
  await phase('endpoint change', () => each(30, services, fleet, (service, i) => endpointChange(run, service, i)))
  await phase('VirtualService change', () =>
    each(20, withPolicies, fleet, (service, i) =>
      fleet.follow(
        typeUrls.route,
        ['80', '9090'],
        () => apply(client, virtualService(service, 20 + i)),
        (node) => heeds(node) && (node.namespace === service.namespace || !isScoped(size, node.namespace)),
      ),
    ),
  )
  await phase('DestinationRule change', () =>
    each(10, withPolicies, fleet, (service, i) =>
      fleet.follow(
        typeUrls.cluster,
        allClusters(service),
        () => apply(client, destinationRule(service, 20 + i)),
        heeds,
      ),
    ),
  )
  await phase('reconnect 10 %', async () => [await fleet.reconnect(Math.ceil(size.clients / 10))])
  await phase('churn 5 % in 60 s', () => churn(run))
  return rows
}

/** Istio's objects hold for the proxies of the cluster that they are in. */
const heeds = ({ cluster }: SidecarNode): boolean => cluster === clusterName(0)

/** A pod becomes unready, or ready again. */
export function endpointChange({ client, fleet }: Run, service: BenchService, i: number): Promise<number> {
  const pods = service.pods[0] ?? []
  const pod = pods[i % pods.length]
  if (!pod) throw new Error(`${service.name} has no pod in the first cluster`)
  pod.ready = !pod.ready
  return fleet.follow(typeUrls.endpoints, clustersOfPod(pod), () => apply(client, sliceObject(service, 0)))
}

/** Evenly over a minute, a twentieth of all endpoints of the first cluster changes its readiness. */
async function churn({ size, services, client, fleet }: Run): Promise<number[]> {
  const count = Math.ceil(size.endpoints / size.clusters / 20)
  const step = 60_000 / count
  const start = performance.now()
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const due = start + i * step
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    const service = services[(i * 7) % services.length]
    const pod = service?.pods[0]?.[Math.floor(i / services.length) % (service.pods[0]?.length || 1)]
    if (!service || !pod) continue
    pod.ready = !pod.ready
    const write = (): Promise<unknown> => apply(client, sliceObject(service, 0))
    times.push(await fleet.follow(typeUrls.endpoints, clustersOfPod(pod), write))
  }
  return times
}

export async function each(
  count: number,
  services: readonly BenchService[],
  fleet: SidecarFleet,
  change: (service: BenchService, i: number) => Promise<number>,
): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const service = services[(i * 13) % services.length]
    if (!service) continue
    await fleet.quiet(quietMs)
    times.push(await change(service, i))
  }
  return times
}

export async function measured({ http, fleet }: Run, name: string, times: () => Promise<number[]>): Promise<Row> {
  const before = await vitals(http)
  const { messages, bytes } = fleet.counted
  const ms = await times()
  await fleet.quiet(quietMs)
  const after = await vitals(http)
  const more = [...after.recomputed].map(([query, n]) => [query, n - (before.recomputed.get(query) ?? 0)] as const)
  const sum = (rows: readonly (readonly [string, number])[]): number => rows.reduce((total, [, n]) => total + n, 0)
  return {
    phase: name,
    changes: ms.length,
    p50: percentile(ms, 0.5),
    p99: percentile(ms, 0.99),
    max: Math.max(...ms),
    messages: fleet.counted.messages - messages,
    megabytes: (fleet.counted.bytes - bytes) / 1e6,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    residentMegabytes: after.residentBytes / 1e6,
    recomputed: sum(more),
    encoded: sum(more.filter(([query]) => query.startsWith('xds/'))),
  }
}

async function startCluster(
  folder: string,
  index: number,
  keep: (child: ReturnType<typeof startNode>) => void,
): Promise<{ name: string; kubeconfig: string; server: string; ca: string; token: string }> {
  const dir = join(folder, clusterName(index))
  keep(startNode(['test/bench/api-server.ts', dir], join(folder, `${clusterName(index)}.log`)))
  const kubeconfig = join(dir, 'kubeconfig')
  const config = await answer(
    // It is there before it is written.
    async () => (parse(readFileSync(kubeconfig, 'utf8')) as BenchKubeconfig | null) ?? undefined,
    kubeconfig,
  )
  const [cluster] = config.clusters
  const [user] = config.users
  if (!cluster || !user) throw new Error(`${kubeconfig} names no cluster`)
  const { server, 'certificate-authority-data': ca } = cluster.cluster
  return { name: clusterName(index), kubeconfig, server, ca, token: user.user.token }
}

interface BenchKubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string }
  }[]
  readonly users: readonly { readonly user: { readonly token: string } }[]
}

/** As `istioctl create-remote-secret` writes it. */
function remoteSecret(name: string, kubeconfig: string): Written['object'] {
  const data = { [name]: readFileSync(kubeconfig).toString('base64') }
  const labels = { 'istio/multiCluster': 'true' }
  const metadata = { name: `istio-remote-secret-${name}`, namespace: 'istio-system', labels }
  return Object.assign({ apiVersion: 'v1', kind: 'Secret', metadata }, { data })
}

/** Writes all objects, a kind at a time; what has a status gets it by a second request, as API servers want it. */
async function putAll(client: KubeClient, objects: readonly Written[]): Promise<void> {
  const kinds = [...new Set(objects.map(({ type }) => type))]
  for (const type of kinds) {
    const queue = objects.filter((written) => written.type === type).values()
    await Promise.all(
      Array.from({ length: writers }, async () => {
        for (const written of queue) await put(client, written)
      }),
    )
  }
}

async function put(client: KubeClient, { type, object }: Written): Promise<void> {
  // Server-side apply for the few that the control plane makes too; creating is cheaper for the many.
  await (type === types.namespace ? apply(client, { type, object }) : client.create(type, object))
  if (!('status' in object)) return
  const { name, namespace } = object.metadata
  const at = { name, ...(namespace !== undefined && { namespace }), subresource: 'status' }
  await client.mergePatch(type, at, { status: object.status })
}

export const apply = (client: KubeClient, { type, object }: Written): Promise<unknown> =>
  client.apply(type, object, { manager: 'bench', force: true })

async function ready(http: string): Promise<void> {
  await answer(
    async () => ((await fetch(`http://${http}/ready`)).ok ? true : undefined),
    'the control plane to be ready',
  )
}

/** Waits until the control plane has computed nothing for a second. */
async function settled(http: string): Promise<void> {
  const total = async (): Promise<number> => [...(await vitals(http)).recomputed.values()].reduce((a, b) => a + b, 0)
  let before = await total()
  const isQuiet = async (): Promise<true | undefined> => {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const now = await total()
    const isSame = now === before
    before = now
    return isSame ? true : undefined
  }
  await answer(isQuiet, 'the control plane to settle', settleSeconds)
}
