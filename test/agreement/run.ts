// npm run agreement -- [-n REQUESTS] [--seed SEED] [--show N] [--for SECONDS] [--block N]: how often evaluator and Envoy say the same.
import { parseArgs } from 'node:util'
import { findEnvoy } from '../../src/sandbox/envoy/index.ts'
import { measureAgreement } from './agreement.ts'
import { describeReport } from './report.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', short: 'n', default: '5000' },
    seed: { type: 'string', default: '1' },
    show: { type: 'string', default: '5' },
    'per-world': { type: 'string', default: '120' },
    for: { type: 'string' },
    block: { type: 'string', default: '0' },
  },
})

const envoy = await findEnvoy({ onProgress: (line) => console.error(line) })
const report = await measureAgreement({
  seed: Number(values.seed),
  requests: Number(values.requests),
  ...(values.for !== undefined && { seconds: Number(values.for) }),
  requestsPerWorld: Number(values['per-world']),
  block: Number(values.block),
  envoy: envoy.path,
  log: (line) => console.error(line),
})
console.log(describeReport(report, { envoy: envoy.version, seed: Number(values.seed), show: Number(values.show) }))
if (report.equal / report.asked < 0.999) process.exitCode = 1
