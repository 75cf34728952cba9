// The evaluator against a real Envoy: the same random calls under the same random policies. `npm run agreement -- -n 100000`
// asks more; a seed that is printed asks the same again.
import { expect, test } from 'vitest'
import { findEnvoy } from '../../src/sandbox/envoy/index.ts'
import { measureAgreement } from '../agreement/agreement.ts'
import { describeReport } from '../agreement/report.ts'

const requests = 5000
const seed = Number(process.env['FAIRLEAD_AGREEMENT_SEED'] ?? '1')

test(`evaluator and Envoy say the same of ${requests} random requests`, { timeout: 900_000 }, async () => {
  const envoy = await findEnvoy()
  const report = await measureAgreement({ seed, requests, requestsPerWorld: 200, envoy: envoy.path })
  console.log(describeReport(report, { envoy: envoy.version, seed, show: 10 }))
  expect(report.asked).toBeGreaterThanOrEqual(requests)
  expect(report.equal / report.asked).toBeGreaterThanOrEqual(0.999)
  expect(report.late / report.asked).toBeLessThan(0.01)
  // Where several things may come of a call, they come as often as told.
  expect(Math.abs(report.oddsDeviation)).toBeLessThan(5)
  expect(report.oddsSpread).toBeLessThan(5)
})
