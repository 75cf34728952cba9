// `node test/drill/run.ts [NAME…]`: faults under load, each with its timeline; then the table.
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { timeline } from '../../src/sandbox/traffic/index.ts'
import { drills } from './drills.ts'
import { Place } from './place.ts'
import { type DrillResult, runDrill } from './run-drill.ts'
import { broken, table } from './table.ts'

const usage = `Usage: node test/drill/run.ts [--rate N] [NAME…]

Breaks things under load in a sandbox of its own, and says what a caller noticed.
  --rate N   GETs per second (200); a tenth as many POSTs are sent beside them

${drills.map(({ name, title }) => `  ${name.padEnd(22)} ${title}`).join('\n')}

Exit code: 0 = every promise held, 1 = one was broken, 2 = wrong usage.`

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rate: { type: 'string', default: '200' }, help: { type: 'boolean', default: false } },
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
  const chosen = drills.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  console.log('starting two clusters …')
  const place = await Place.open(stop.signal)
  const results: DrillResult[] = []
  try {
    for (const drill of chosen) {
      stop.signal.throwIfAborted()
      console.log(`\n${pc.bold(drill.name)}: ${drill.title}`)
      const result = await runDrill(drill, place, { rate })
      results.push(result)
      const marks = [
        { atMs: result.phases.faultMs, sign: '↑', text: 'fault' },
        { atMs: result.phases.healMs, sign: '↓', text: 'healed' },
      ]
      for (const line of timeline(result.gets, ['east', 'west'], marks)) console.log(line)
      for (const text of broken(result)) console.log(pc.red(`  ${text}`))
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

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof TypeError ? 2 : 1
}
