// npm run bench [-- --size S --size M --start-up --out FILE]: what the control plane costs, as a table and as JSON.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { Command, Option } from 'commander'
import { measureMesh } from './mesh.ts'
import { sizes } from './objects.ts'
import { table } from './report.ts'
import { measureStartUp } from './start-up.ts'

interface Options {
  readonly size: string[]
  readonly startUp: boolean
  readonly out?: string
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]
const program = new Command('bench')
  .description('Measure the control plane with simulated sidecars over gRPC, and how long the demo takes')
  .addOption(
    new Option(
      '--size <name>',
      `mesh to measure: ${Object.keys(sizes).join(', ')}; may be repeated (default: S, M)`,
    ).argParser(collect),
  )
  .option('--no-start-up', 'leave the demo out')
  .option('--out <file>', 'write the figures as JSON')
program.parse()
const options = program.opts<Options>()
const say = (line: string): void => console.error(`  ${line}`)

const names = options.size ?? ['S', 'M']
const unknown = names.filter((name) => !sizes[name])
if (unknown.length > 0)
  program.error(`error: no size ${unknown.join(', ')}: ${Object.keys(sizes).join(', ')}`, { exitCode: 2 })

const meshes = []
for (const name of names) {
  const size = sizes[name]
  if (!size) continue
  const { services, endpoints, clusters, clients } = size
  console.log(
    `\n${name}: ${services} services, ${endpoints} endpoints, ${clusters} cluster(s), ${clients} sidecars, delta`,
  )
  const rows = await measureMesh(size, say)
  console.log(table(rows))
  meshes.push({ name, size, rows })
}
const startUp = options.startUp ? await measureStartUp(say) : []
for (const { run, seconds } of startUp) console.log(`demo --once, ${run}: ${seconds.toFixed(1)} s`)
const machine = {
  cpus: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  load: loadavg()[0] ?? 0,
}
console.log(
  `machine: ${machine.cpus} CPUs, ${machine.memoryGiB} GiB, Node ${machine.node}, load average ${machine.load.toFixed(1)} at the end`,
)
if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify({ machine, meshes, startUp }, null, 2)}\n`)
