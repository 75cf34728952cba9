// `node test/drill/run.ts [NAME…]`: faults under load, each with its timeline; then the table.
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { timeline } from '../../src/sandbox/traffic/index.ts'
import { clusterNames, type Drill } from './drill.ts'
import { drills, matrix } from './drills.ts'
import { Place } from './place.ts'
import { type DrillResult, runDrill } from './run-drill.ts'
import { broken, table } from './table.ts'

const listed = (which: readonly Drill[]): string =>
  which.map(({ name, title }) => `  ${name.padEnd(27)} ${title}`).join('\n')

const usage = `Usage: node test/drill/run.ts [--rate N] [--all | NAME…]

Breaks things under load in a sandbox of its own, and says what a caller noticed.
  --rate N   GETs per second (200); a tenth as many POSTs are sent beside them

The matrix, which is run if no name is given:
${listed(matrix)}

By name, or with --all:
${listed(drills.filter(({ byHand }) => byHand))}

Exit code: 0 = every promise held, 1 = one was broken, 2 = wrong usage.`

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rate: { type: 'string', default: '200' },
      all: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const rate = Number(values.rate)
  const unknown = positionals.filter((name) => !drills.some((drill) => drill.name === name))
  if (!(rate > 0) || unknown.length > 0) {
    console.error(unknown.length > 0 ? `there is no drill ${unknown.join(', ')}` : '--rate must be a number above 0')
    console.error(usage)
    return 2
  }
  const named = drills.filter(({ name }) => positionals.includes(name))
  const chosen = values.all ? drills : named.length > 0 ? named : matrix
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const clusters = chosen.some((drill) => drill.clusters === 3) ? 3 : 2
  console.log(`starting ${clusters} clusters …`)
  const place = await Place.open(stop.signal, clusters)
  const results: DrillResult[] = []
  try {
    for (const drill of chosen) {
      stop.signal.throwIfAborted()
      console.log(`\n${pc.bold(drill.name)}: ${drill.title}`)
      const result = await runDrill(drill, place, { rate })
      results.push(result)
      for (const line of picture(result, clusters)) console.log(line)
    }
  } finally {
    await place.close()
  }
  const load = loadavg()[0] ?? 0
  console.log(
    `\n${rate} GETs/s and ${rate / 10} POSTs/s; ${availableParallelism()} processors, load average ${load.toFixed(1)}\n`,
  )
  for (const line of table(results)) console.log(line)
  return results.flatMap(broken).length > 0 ? 1 : 0
}

function picture(result: DrillResult, clusters: number): string[] {
  const { gets, phases } = result
  const marks = [
    { atMs: phases.faultMs, sign: '↑', text: 'fault' },
    { atMs: phases.healMs, sign: '↓', text: 'healed' },
  ]
  return [
    ...timeline(gets, clusterNames.slice(0, clusters), marks),
    ...broken(result).map((text) => pc.red(`  ${text}`)),
  ]
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
