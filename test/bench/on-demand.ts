// npm run bench:on-demand [SERVICES CLIENTS USED [CLIENTS-WITHOUT]]: what proxies cost that use few of many services, when they
// are given what they use, and when they are given everything. Both in one run, on one mesh, one after the other.
import { loadavg } from 'node:os'
import { nodesOf } from './fleet.ts'
import { apply, each, endpointChange, measured, type Run, withMesh } from './mesh.ts'
import { type BenchService, hostOf, type Size, virtualService } from './objects.ts'
import { type Row, table } from './report.ts'
import { type SidecarNode, typeUrls } from './sidecar.ts'

const [services = 1000, clients = 500, used = 10, clientsWithout = clients] = process.argv.slice(2).map(Number)
const size: Size = { services, endpoints: services * 2, namespaces: 50, clusters: 1, clients }
const say = (line: string): void => console.error(`  ${line}`)

/** Measures a phase, and says at once what came of it: one that follows may be too much for the machine. */
async function phase(run: Run, name: string, times: () => Promise<number[]>): Promise<Row> {
  const row = await measured(run, name, times)
  say(`${name}: p50 ${row.p50.toFixed(0)} ms, ${row.megabytes.toFixed(2)} MB, ${row.cpuSeconds.toFixed(2)} CPU s`)
  return row
}

interface Part {
  readonly rows: readonly Row[]
  /** Resources that one client has. */
  readonly held: number
}

const hostNamed = (service: BenchService): string => `80/${hostOf(service)}`

/** The services that a client uses: others for each client, the first of them one with rules. */
function usedBy(all: readonly BenchService[], client: number): BenchService[] {
  const first = client * 5
  return Array.from({ length: used }, (_, i) => all[(first + i * 7) % all.length]).flatMap((found) => found ?? [])
}

async function onDemand(run: Run, nodes: readonly SidecarNode[]): Promise<Part> {
  const { fleet, client } = run
  const asking = nodes.map((node) => ({ ...node, metadata: { ...node.metadata, FAIRLEAD_ON_DEMAND: 'true' } }))
  const byNode = new Map(asking.map(({ id }, i) => [id, usedBy(run.services, i)]))
  const inUse = [...new Set([...byNode.values()].flat())]
  const rows = [
    await phase(run, 'on demand: connect', async () => [await fleet.connect(asking)]),
    await phase(run, `on demand: first use of ${used}`, async () => [
      await fleet.use(({ node }) => (byNode.get(node.id) ?? []).map(hostNamed)),
    ]),
  ]
  const held = fleet.held / nodes.length
  const ruled = inUse.filter(({ hasPolicies }) => hasPolicies)
  const change = (service: BenchService, i: number): Promise<number> =>
    fleet.follow(typeUrls.virtualHost, [hostNamed(service)], () => apply(client, virtualService(service, 20 + i)))
  rows.push(await phase(run, 'on demand: VirtualService change', () => each(20, ruled, fleet, change)))
  rows.push(
    await phase(run, 'on demand: endpoint change', () =>
      each(20, inUse, fleet, (service, i) => endpointChange(run, service, i)),
    ),
  )
  fleet.disconnect()
  return { rows, held }
}

async function everything(run: Run, nodes: readonly SidecarNode[]): Promise<Part> {
  const { fleet, client } = run
  const rows = [await phase(run, 'everything: connect', async () => [await fleet.connect(nodes)])]
  const held = fleet.held / nodes.length
  const ruled = run.services.filter(({ hasPolicies }) => hasPolicies)
  const change = (service: BenchService, i: number): Promise<number> =>
    fleet.follow(typeUrls.route, ['80', '9090'], () => apply(client, virtualService(service, 50 + i)))
  rows.push(await phase(run, 'everything: VirtualService change', () => each(5, ruled, fleet, change)))
  rows.push(
    await phase(run, 'everything: endpoint change', () =>
      each(5, run.services, fleet, (service, i) => endpointChange(run, service, i)),
    ),
  )
  fleet.disconnect()
  return { rows, held }
}

const parts = await withMesh(size, say, async (run) => {
  const nodes = nodesOf(size, run.services, (i) => `bench-${i + 1}`)
  say(`${nodes.length} proxies on demand`)
  const few = await onDemand(run, nodes)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  say(`${clientsWithout} proxies that are given everything`)
  return { few, all: await everything(run, nodes.slice(0, clientsWithout)) }
})

const { few, all } = parts
console.log(
  `${services} services, ${services * 2} endpoints; ${clients} proxies on demand that use ${used} each, ${clientsWithout} that are given everything`,
)
console.log(table([...few.rows, ...all.rows]))
console.log(`resources of one proxy: ${few.held.toFixed(1)} on demand, ${all.held.toFixed(1)} of everything`)
const perClient = (part: Part, count: number, figure: (row: Row) => number, phases: number): number =>
  part.rows.slice(0, phases).reduce((sum, row) => sum + figure(row), 0) / count
const ratio = (what: string, figure: (row: Row) => number): void => {
  const [a, b] = [perClient(few, clients, figure, 2), perClient(all, clientsWithout, figure, 1)]
  console.log(
    `${what} of one proxy until it has what it uses: ${a.toFixed(4)} / ${b.toFixed(4)} = 1/${(b / a).toFixed(0)}`,
  )
}
ratio('MB', (row) => row.megabytes)
ratio('CPU seconds', (row) => row.cpuSeconds)
console.log(`load average ${(loadavg()[0] ?? 0).toFixed(1)} at the end`)
