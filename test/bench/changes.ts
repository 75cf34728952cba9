// What one change of each sort costs in the stages before the wire: CPU time, values computed again, resources encoded
// anew, and bytes that they have. In this process, without API servers: every figure is of the pipeline alone.
// Run: node test/bench/changes.ts [SIZE…] [--only=TEXT] [--detail] → a table for each size (default: S, M); `--only` names
// changes, `--detail` lists the queries that ran.
import { setTimeout as delay } from 'node:timers/promises'
import { type Size, sizes } from './objects.ts'
import { type Cost, changes, Mesh } from './pipeline-mesh.ts'

const rounds = 5
const args = process.argv.slice(2)
const isDetailed = args.includes('--detail')
const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length) ?? ''
const wanted = args.filter((arg) => !arg.startsWith('--'))
for (const name of wanted.length > 0 ? wanted : ['S', 'M']) {
  const size = sizes[name]
  if (!size) throw new Error(`no size ${name}: ${Object.keys(sizes).join(', ')}`)
  await measureSize(name, size)
}

async function measureSize(name: string, size: Size): Promise<void> {
  const mesh = new Mesh(size)
  const load = mesh.measure(() => mesh.fill())
  const connect = process.cpuUsage()
  mesh.connect()
  const { user, system } = process.cpuUsage(connect)
  const { heapUsed, rss, arrayBuffers } = process.memoryUsage()
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)
  console.log(
    `\n${name}: ${JSON.stringify(size)}\nload ${load.cpuMs.toFixed(0)} ms, connect ${((user + system) / 1000).toFixed(0)} ms of CPU; ` +
      `heap ${megabytes(heapUsed)} MB, buffers ${megabytes(arrayBuffers)} MB, rss ${megabytes(rss)} MB`,
  )
  console.log(
    `${'change'.padEnd(36)}${['cpu ms', 'recomputed', 'encoded', 'kB', 'told'].map((t) => t.padStart(12)).join('')}`,
  )
  for (const [change, make] of Object.entries(changes)) {
    if (!change.includes(only)) continue
    const costs: Cost[] = []
    for (let i = 0; i <= rounds; i++) {
      costs.push(mesh.measure(() => make(mesh, i)))
      await delay(0)
    }
    // The first one also makes what the others only change.
    const later = costs.slice(1)
    const middle = (of: (cost: Cost) => number): number =>
      later.map(of).sort((a, b) => a - b)[Math.floor(later.length / 2)] ?? Number.NaN
    const figures = [
      middle(({ cpuMs }) => cpuMs).toFixed(1),
      ...[
        middle(({ recomputed }) => recomputed),
        middle(({ encoded }) => encoded),
        middle(({ bytes }) => bytes / 1000),
        middle(({ told }) => told),
      ].map((n) => n.toFixed(0)),
    ]
    console.log(`${change.padEnd(36)}${figures.map((f) => f.padStart(12)).join('')}`)
    if (isDetailed)
      console.log(
        [...(later.at(-1)?.queries ?? [])]
          .sort((a, b) => b[1] - a[1])
          .map(([query, n]) => `    ${query} ${n}`)
          .join('\n'),
      )
  }
}
