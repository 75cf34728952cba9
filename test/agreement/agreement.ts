// The agreement test: the same random calls, under the same random policies, to the evaluator and to a real Envoy.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeTrace, type Hop, type Mesh, type Outcome, outcomesOf, trace } from '../../src/evaluator/index.ts'
import { randomCalls, type TestCall, tokenPool } from './calls.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import { matchingOutcome } from './compare.ts'
import { startEnvoy } from './envoy.ts'
import { openPrograms } from './programs.ts'
import { type PlacedProxy, placeProxies } from './resources.ts'
import { type Observed, send } from './send.ts'
import { makeTokenKeys, type TokenKeys } from './tokens.ts'
import { ports } from './vocabulary.ts'
import { Addresses, type RandomWorld, randomWorld } from './world.ts'

export interface AgreementOptions {
  /** World `n` of the run has seed `seed + n`. */
  readonly seed: number
  readonly requests: number
  readonly requestsPerWorld?: number
  readonly worldsPerEnvoy?: number
  readonly envoy: string
  readonly log?: (line: string) => void
}

export interface Disagreement {
  readonly seed: number
  readonly test: TestCall
  readonly outcomes: readonly Outcome[]
  readonly observed: Observed
  readonly explanation: string
}

export interface AgreementReport {
  readonly asked: number
  readonly equal: number
  readonly worlds: number
  readonly disagreements: readonly Disagreement[]
  /** How often each thing was observed: kind of call and what came of it. */
  readonly tally: ReadonlyMap<string, number>
  /** Standard deviations between the odds that were told and what was observed. */
  readonly oddsDeviation: number
  readonly chances: number
  readonly seconds: number
}

interface Tools {
  readonly keys: TokenKeys
  readonly tokens: readonly string[]
  readonly certificates: Certificates
  readonly envoy: string
  readonly now: number
}

interface Odds {
  expected: number
  observed: number
  variance: number
  count: number
}

export async function measureAgreement(options: AgreementOptions): Promise<AgreementReport> {
  const { requestsPerWorld = 120, worldsPerEnvoy = 25, log = () => undefined } = options
  const keys = makeTokenKeys()
  const now = Math.floor(Date.now() / 1000)
  const certificates = await makeCertificates()
  const tools: Tools = { keys, tokens: tokenPool(keys, now), certificates, envoy: options.envoy, now }
  const startedAt = Date.now()
  const tally = new Map<string, number>()
  const odds: Odds = { expected: 0, observed: 0, variance: 0, count: 0 }
  const disagreements: Disagreement[] = []
  let [asked, worlds] = [0, 0]
  while (asked < options.requests) {
    const wanted = Math.min(worldsPerEnvoy, Math.ceil((options.requests - asked) / requestsPerWorld))
    const seeds = Array.from({ length: wanted }, (_, at) => options.seed + worlds + at)
    const batch = await runBatch(seeds, requestsPerWorld, tools)
    for (const { test, seed, outcomes, observed, hop } of batch) {
      const match = matchingOutcome(test, outcomes, observed)
      const key = `${test.kind} ${observed.kind === 'answered' ? observed.status : observed.kind}`
      tally.set(key, (tally.get(key) ?? 0) + 1)
      if (match) countOdds(odds, outcomes, match)
      else disagreements.push({ seed, test, outcomes, observed, explanation: describeTrace(hop) })
    }
    asked += batch.length
    worlds += seeds.length
    log(`${asked} of ${options.requests} asked, ${disagreements.length} disagreements`)
  }
  return {
    asked,
    equal: asked - disagreements.length,
    worlds,
    disagreements,
    tally,
    oddsDeviation: odds.variance === 0 ? 0 : (odds.observed - odds.expected) / Math.sqrt(odds.variance),
    chances: odds.count,
    seconds: (Date.now() - startedAt) / 1000,
  }
}

/** How often the first of several outcomes came about, against its odds. Failures are left out: proxies try again. */
function countOdds(odds: Odds, outcomes: readonly Outcome[], match: Outcome): void {
  const first = outcomes.find(({ share }) => share > 0)
  const clear = outcomes.every(({ kind, ending }) => kind === 'reached' || ending === 'fault')
  if (!first || outcomes.length < 2 || !clear) return
  odds.expected += first.share
  odds.observed += match === first ? 1 : 0
  odds.variance += first.share * (1 - first.share)
  odds.count++
}

interface Asked {
  readonly seed: number
  readonly test: TestCall
  readonly outcomes: readonly Outcome[]
  readonly observed: Observed
  readonly hop: Hop
}

interface Placed {
  readonly world: RandomWorld
  readonly proxies: readonly PlacedProxy[]
}

async function runBatch(seeds: readonly number[], requestsPerWorld: number, tools: Tools): Promise<Asked[]> {
  const addresses = new Addresses()
  const adminAddress = addresses.take()
  const placed = seeds.map((seed, at): Placed => {
    const world = randomWorld(seed, addresses, tools.keys)
    return { world, proxies: placeProxies(world, addresses, `w${at}/`) }
  })
  const programs = openPrograms(await tools.certificates.leaf('program.example'))
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-agreement-'))
  try {
    for (const { world } of placed)
      for (const address of world.programs)
        for (const port of Object.values(ports)) await programs.listen(address, port)
    const proxies = placed.flatMap((each) => each.proxies)
    const { envoy: path, certificates } = tools
    const envoy = await startEnvoy({ path, folder, adminAddress, proxies, certificates })
    try {
      const results: Asked[] = []
      for (const { world, proxies: own } of placed) {
        const options = { count: requestsPerWorld, tokens: tools.tokens, prefix: `c${world.seed}` }
        results.push(...(await askAll(world, own, randomCalls(world, own, options), tools)))
      }
      return results
    } finally {
      await envoy.stop()
    }
  } finally {
    await programs.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const parallel = 16

async function askAll(
  world: RandomWorld,
  proxies: readonly PlacedProxy[],
  calls: readonly TestCall[],
  tools: Tools,
): Promise<Asked[]> {
  const byAddress = new Map(
    proxies.filter(({ pod }) => pod.role === 'server').map((proxy) => [proxy.pod.address, proxy]),
  )
  const mesh: Mesh = {
    proxiesAt(address, port) {
      const proxy = byAddress.get(address)
      return proxy ? [{ proxy: proxy.config, port }] : []
    },
  }
  const circumstances = {
    now: tools.now,
    verifyToken: (token: string, keySet: string) => tools.keys.verify(token, keySet),
  }
  const results: Asked[] = []
  const queue = [...calls]
  const worker = async (): Promise<void> => {
    for (let test = queue.shift(); test; test = queue.shift()) {
      const hop = trace(mesh, test.entry.config, test.call, circumstances)
      const outcomes = outcomesOf(hop)
      const observed = await send(test, tools.certificates)
      results.push({ seed: world.seed, test, outcomes, observed, hop })
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return results
}
