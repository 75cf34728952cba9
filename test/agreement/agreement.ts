// The agreement test: the same random calls, under the same random policies, to the evaluator and to a real Envoy.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuthorizerQuestion,
  copiesOf,
  describeTrace,
  type Hop,
  type Mesh,
  type Outcome,
  trace,
  withDead,
} from '../../src/evaluator/index.ts'
import { type ArrivalCheck, checkArrivals, settle } from './arrivals.ts'
import { authorizerAnswer } from './authorizer.ts'
import { randomCalls, type TestCall, tokenPool } from './calls.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import { matchingOutcome } from './compare.ts'
import { allOutcomes } from './elsewhere.ts'
import { startEnvoy } from './envoy.ts'
import { featuresOf, featuresOfWorld } from './features.ts'
import { OddsCheck } from './odds.ts'
import { answerHeader, openPrograms, slowHeader } from './programs.ts'
import { type PlacedProxy, placeProxies } from './resources.ts'
import { type Observed, send } from './send.ts'
import { isUnsettled, knowing, readEjected, warmUp } from './sick.ts'
import { makeTokenKeys, type TokenKeys } from './tokens.ts'
import { checkPrefix, ports, slowMs } from './vocabulary.ts'
import { Addresses, type RandomWorld, randomWorld } from './world.ts'

export interface AgreementOptions {
  /** World `n` of the run has seed `seed + n`. */
  readonly seed: number
  readonly requests: number
  /** No more is asked after this time; what was begun is ended. */
  readonly seconds?: number
  readonly requestsPerWorld?: number
  readonly worldsPerEnvoy?: number
  /** Which addresses it uses, of 0 to 63; other runs on the machine use others. */
  readonly block?: number
  readonly envoy: string
  readonly log?: (line: string) => void
}

export interface Disagreement {
  readonly seed: number
  readonly test: TestCall
  readonly outcomes: readonly Outcome[]
  readonly observed: Observed
  /** What was otherwise than told beside the answer. */
  readonly wrong?: string
  readonly explanation: string
}

export interface AgreementReport {
  readonly asked: number
  readonly equal: number
  readonly worlds: number
  /** Calls that are left out, since the machine was too busy for somebody's patience. */
  readonly late: number
  readonly disagreements: readonly Disagreement[]
  /** How often each thing was observed: kind of call and what came of it. */
  readonly tally: ReadonlyMap<string, number>
  /** How many calls met a feature on their way. */
  readonly features: ReadonlyMap<string, number>
  /** Standard deviations between the odds that were told and what was observed. */
  readonly oddsDeviation: number
  /** The same for how draws spread over all outcomes; only what is above zero is bad. */
  readonly oddsSpread: number
  readonly chances: number
  readonly seconds: number
}

interface Tools {
  readonly keys: TokenKeys
  readonly tokens: readonly string[]
  readonly certificates: Certificates
  readonly envoy: string
  readonly now: number
  readonly block: number
}

export async function measureAgreement(options: AgreementOptions): Promise<AgreementReport> {
  const { requestsPerWorld = 120, worldsPerEnvoy = 25, log = () => undefined } = options
  const keys = makeTokenKeys()
  const now = Math.floor(Date.now() / 1000)
  const certificates = await makeCertificates()
  const tools: Tools = {
    keys,
    tokens: tokenPool(keys, now),
    certificates,
    envoy: options.envoy,
    now,
    block: options.block ?? 0,
  }
  const startedAt = Date.now()
  const tally = new Map<string, number>()
  const features = new Map<string, number>()
  const odds = new OddsCheck()
  const disagreements: Disagreement[] = []
  let [asked, worlds, late] = [0, 0, 0]
  const inTime = (): boolean => Date.now() - startedAt < (options.seconds ?? Number.POSITIVE_INFINITY) * 1000
  while (asked < options.requests && inTime()) {
    const wanted = Math.min(worldsPerEnvoy, Math.ceil((options.requests - asked) / requestsPerWorld))
    const seeds = Array.from({ length: wanted }, (_, at) => options.seed + worlds + at)
    const batch = await runBatch(seeds, requestsPerWorld, tools)
    for (const { test, world, outcomes, observed, hop, arrival } of batch) {
      if (isLate(test, observed)) {
        late++
        continue
      }
      asked++
      const match = matchingOutcome(test, outcomes, observed)
      const { wrong, chances } = arrival
      const { seed } = world
      const key = `${test.kind} ${observed.kind === 'answered' ? observed.status : observed.kind}`
      tally.set(key, (tally.get(key) ?? 0) + 1)
      for (const name of [...featuresOf(hop), ...featuresOfWorld(world)])
        features.set(name, (features.get(name) ?? 0) + 1)
      for (const { share, happened } of chances) odds.chance(share, happened)
      if (match && wrong === undefined) countDraw(odds, seed, test, outcomes, match)
      else
        disagreements.push({
          seed,
          test,
          outcomes,
          observed,
          ...(wrong !== undefined && { wrong }),
          explanation: describeTrace(hop),
        })
    }
    worlds += seeds.length
    log(`${asked} of ${options.requests} asked, ${disagreements.length} disagreements`)
  }
  return {
    asked,
    equal: asked - disagreements.length,
    worlds,
    late,
    disagreements,
    tally,
    features,
    oddsDeviation: odds.deviation,
    oddsSpread: odds.spread,
    chances: odds.count,
    seconds: (Date.now() - startedAt) / 1000,
  }
}

/** Whether a call that no slow program was asked by met a timeout all the same. */
function isLate({ call }: TestCall, observed: Observed): boolean {
  if (slowHeader in call.headers) return false
  if (observed.kind === 'closed') return observed.how.startsWith('nothing in')
  if (observed.kind !== 'answered') return false
  const words = `${observed.body} ${observed.headers['grpc-message'] ?? ''}`
  return /upstream request timeout|reset reason: connection timeout/.test(words)
}

/** Failures and bad answers are left out, since proxies try again. */
function countDraw(
  odds: OddsCheck,
  seed: number,
  { entry, call }: TestCall,
  outcomes: readonly Outcome[],
  match: Outcome,
): void {
  const clear = outcomes.every(({ kind, ending }) => kind === 'reached' || ending === 'fault')
  if (clear && !(answerHeader in call.headers)) odds.draw(`${seed} ${entry.config.name}`, outcomes, match)
}

interface Asked {
  readonly world: RandomWorld
  readonly test: TestCall
  readonly outcomes: readonly Outcome[]
  readonly observed: Observed
  readonly hop: Hop
  readonly arrival: ArrivalCheck
}

type Sent = Omit<Asked, 'arrival'>

interface Placed {
  readonly world: RandomWorld
  readonly proxies: readonly PlacedProxy[]
}

async function runBatch(seeds: readonly number[], requestsPerWorld: number, tools: Tools): Promise<Asked[]> {
  const addresses = new Addresses(tools.block)
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
      for (const { world, proxies: own } of placed) {
        for (const address of world.sick) programs.sicken(address)
        await warmUp(world, own, certificates)
      }
      const before = await readEjected(envoy.adminUrl)
      const results: Sent[] = []
      for (const { world, proxies: all } of placed) {
        const own = world.sick.length === 0 ? all : all.map((proxy) => knowing(proxy, before))
        const options = { count: requestsPerWorld, tokens: tools.tokens, prefix: `c${world.seed}` }
        results.push(...(await askAll(world, own, randomCalls(world, own, options), tools)))
      }
      await settle(results, programs.seen)
      const ejected = [before, await readEjected(envoy.adminUrl)] as const
      return results
        .filter(({ world, test, hop }) => !isUnsettled(world, test.entry, clustersOf(hop), ejected))
        .map((sent) => ({ ...sent, arrival: checkArrivals(sent, programs.seen) }))
    } finally {
      await envoy.stop()
    }
  } finally {
    await programs.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const clustersOf = ({ decision }: Hop): string[] =>
  [...decision.destinations, ...(decision.mirrors ?? [])].map(({ cluster }) => cluster)

const parallel = 16

/**
 * By nothing would a bad answer to a copy be told from one to the request; a few of them may eject endpoints; and tries that
 * leave rungs may go anywhere.
 */
function bearsBadAnswers(hop: Hop): boolean {
  const soonEjected = hop.decision.destinations.some(({ outlier }) => (outlier?.consecutive5xx ?? 50) < 50)
  return copiesOf(hop).length === 0 && !soonEjected && hop.decision.retries?.leavesRungs !== true
}

/** Whether somebody on the way waits shorter than a slow program takes. */
function isImpatient({ decision, branches }: Hop): boolean {
  const limits = [decision.timeoutMs ?? 0, decision.retries?.perTryTimeoutMs ?? 0]
  return limits.some((limit) => limit > 0 && limit < slowMs) || branches.some(({ hop }) => hop && isImpatient(hop))
}

/** Over HTTP/2 the change of a protocol is asked for in another way. */
function speaksHttp2({ decision, branches }: Hop): boolean {
  return (
    decision.destinations.some(({ protocol }) => protocol === 'http2') ||
    branches.some(({ hop }) => hop && speaksHttp2(hop))
  )
}

/** The call without what it asks of programs, where that could not be judged, or would only take time. */
function bearable(test: TestCall, hop: Hop): TestCall {
  const dropped: string[] = []
  if (!bearsBadAnswers(hop)) dropped.push(answerHeader)
  if (!isImpatient(hop) || copiesOf(hop).length > 0) dropped.push(slowHeader)
  else if (slowHeader in test.call.headers) dropped.push(answerHeader)
  if ('upgrade' in test.call.headers) {
    dropped.push(answerHeader, slowHeader, 'content-type')
    if (speaksHttp2(hop) || copiesOf(hop).length > 0) dropped.push('connection', 'upgrade')
  }
  const headers = Object.fromEntries(Object.entries(test.call.headers).filter(([name]) => !dropped.includes(name)))
  return { ...test, call: { ...test.call, headers } }
}

async function askAll(
  world: RandomWorld,
  proxies: readonly PlacedProxy[],
  calls: readonly TestCall[],
  tools: Tools,
): Promise<Sent[]> {
  const byAddress = new Map(
    proxies
      .filter(({ pod }) => pod.role === 'server' || pod.role === 'passage')
      .map((proxy) => [proxy.pod.address, proxy]),
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
    askAuthorizer: ({ headers, path }: AuthorizerQuestion) =>
      authorizerAnswer(headers, path.startsWith(checkPrefix) ? 'http' : 'grpc'),
  }
  const results: Sent[] = []
  const queue = [...calls]
  const told = ({ call }: TestCall) =>
    slowHeader in call.headers ? { ...circumstances, programMs: slowMs } : circumstances
  const traced = (test: TestCall): Hop => trace(mesh, test.entry.config, test.call, told(test))
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const test = bearable(next, traced(next))
      const hop = traced(test)
      const outcomes = allOutcomes(hop, (isDead) => {
        const { entry, call } = test
        return trace(
          mesh,
          withDead(entry.config, ({ address }) => isDead(address)),
          call,
          told(test),
        )
      })
      const observed = await send(test, tools.certificates)
      results.push({ world, test, outcomes, observed, hop })
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return results
}
