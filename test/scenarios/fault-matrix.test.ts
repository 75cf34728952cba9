// The matrix of `node test/drill/run.ts`, with real Envoys: no GET may fail while something healthy is there.
import { availableParallelism, loadavg } from 'node:os'
import { describe, expect, it } from 'vitest'
import { matrix } from '../drill/drills.ts'
import { Place } from '../drill/place.ts'
import { type DrillResult, runDrill } from '../drill/run-drill.ts'
import { broken, table } from '../drill/table.ts'

const minutes = 60_000

/** GETs per second: as many as a machine that is busy with other things can bear. */
const rate = (loadavg()[0] ?? 0) > availableParallelism() ? 50 : 200

describe('faults under load', () => {
  it(`lose nothing, at ${rate} GETs/s`, { timeout: 10 * minutes }, async () => {
    const place = await Place.open(new AbortController().signal)
    const results: DrillResult[] = []
    try {
      for (const drill of matrix) results.push(await runDrill(drill, place, { rate }))
    } finally {
      console.log(table(results).join('\n'))
      await place.close()
    }
    expect(results.flatMap(broken)).toEqual([])
  })
})
