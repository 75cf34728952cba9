// The sandbox of the drills: a caller in `east`, the service `shop` in `east`, `west` and perhaps `south`.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { RequestPlan } from '../../src/sandbox/traffic/index.ts'
import { type Context, command, isReady, kubectlOk, podsOf, requestPlans, root } from '../scenario/context.ts'
import type { Fields } from '../scenario/file.ts'
import { openSandbox, type ScenarioSandbox } from '../scenario/sandbox.ts'
import type { CallerKind } from './caller.ts'
import { type ClusterName, clusterNames, type Rule } from './drill.ts'
import { frontObjects, ruleObjects, serviceObjects } from './objects.ts'

const namespace = 'shop'
const host = 'shop.shop.svc.cluster.local'
const regions = { east: 'eu', west: 'us', south: 'af' } as const
const gateways = { namespace: 'istio-system', deployment: 'istio-eastwestgateway' } as const

export class Place {
  readonly clusters: readonly ClusterName[]
  readonly #sandbox: ScenarioSandbox
  readonly #context: Context
  #flapping: { stop: AbortController; done: Promise<void> } | undefined

  private constructor(sandbox: ScenarioSandbox, clusters: readonly ClusterName[], signal: AbortSignal) {
    this.#sandbox = sandbox
    this.clusters = clusters
    this.#context = {
      sandbox,
      folder: import.meta.dirname,
      answers: {},
      loads: new Map(),
      groups: new Map(),
      gateways: new Map(),
      skip: new Set(),
      signal,
    }
  }

  /** Starts the sandbox with everything in it; resolves when the caller reaches the service. */
  static async open(signal: AbortSignal, howMany: 2 | 3 = 2): Promise<Place> {
    const clusters = clusterNames.slice(0, howMany)
    const sandbox = await openSandbox(
      {
        clusters: clusters.map((name) => ({ name, context: name, region: regions[name], zone: `${regions[name]}-a` })),
        samples: [{ context: 'east', sample: 'sleep', namespace }],
      },
      signal,
    )
    const place = new Place(sandbox, clusters, signal)
    try {
      for (const cluster of clusters) await place.#install(cluster)
      await place.#apply('east', frontObjects(host))
      return place
    } catch (error) {
      await place.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.stopFlapping()
    await this.#sandbox.close({ keep: false, failed: false })
  }

  fault(fields: Fields<'fault'>): Promise<void> {
    return this.#sandbox.fault(fields)
  }

  /** Makes the program of a cluster answer 503, or ends it. */
  async refuse(cluster: ClusterName, on: boolean): Promise<void> {
    if (on) writeFileSync(this.#file(`refuse-${cluster}`), '')
    else rmSync(this.#file(`refuse-${cluster}`), { force: true })
  }

  /** Makes the pods of a cluster ready and not ready in turn. */
  async flap(cluster: ClusterName, everyMs: number): Promise<void> {
    const stop = new AbortController()
    const unready = this.#file(`unready-${cluster}`)
    const run = async (): Promise<void> => {
      for (let ready = true; !stop.signal.aborted; ready = !ready) {
        if (ready) writeFileSync(unready, '')
        else rmSync(unready, { force: true })
        await delay(everyMs, undefined, { signal: stop.signal }).catch(() => undefined)
      }
      rmSync(unready, { force: true })
    }
    this.#flapping = { stop, done: run() }
  }

  async stopFlapping(): Promise<void> {
    this.#flapping?.stop.abort()
    await this.#flapping?.done
    this.#flapping = undefined
  }

  /** Puts the rule in force, alone. */
  async rule(rule: Rule): Promise<void> {
    await this.#apply('east', ruleObjects(rule, host))
    if (rule !== 'ordered')
      await this.#kubectl('east', ['delete', 'failover', 'shop', '-n', namespace, '--ignore-not-found'])
  }

  /** Gives every cluster so many pods of the service, and so many gateways for the others. */
  async size({ pods, gateways: doors }: { readonly pods: number; readonly gateways: number }): Promise<void> {
    for (const cluster of this.clusters) {
      await this.scale(cluster, pods)
      await this.#scale(cluster, gateways.namespace, gateways.deployment, doors)
    }
  }

  /** Scales the service; resolves when its pods are there, or gone. */
  scale(cluster: ClusterName, replicas: number): Promise<void> {
    return this.#scale(cluster, namespace, 'shop', replicas)
  }

  /** Rolls a Deployment out anew, and waits for it. */
  async restart(cluster: ClusterName, namespace: string, deployment: string): Promise<void> {
    await this.#kubectl(cluster, ['rollout', 'restart', `deployment/${deployment}`, '-n', namespace])
    await this.#rolledOut(cluster, namespace, deployment)
  }

  /** A command of the product, as users type it. */
  async command(...args: readonly string[]): Promise<void> {
    const run = [join(root, 'bin/fairlead.mjs'), ...args]
    const { exit, stdout, stderr } = await command(process.execPath, run, this.#context)
    if (exit !== 0) throw new Error(`fairlead ${args.join(' ')}: exit ${exit}: ${stderr.trim() || stdout.trim()}`)
  }

  /** How a caller would ask for `/get`. */
  async plan(caller: CallerKind): Promise<RequestPlan> {
    const from = caller === 'gateway' ? 'outside' : 'east/shop/sleep'
    const port = caller === 'grpc' ? ':9000' : ''
    const url =
      caller === 'gateway' ? 'gateway east istio-system/istio-ingressgateway 80 /get' : `http://${host}${port}/get`
    const { plans } = await requestPlans(this.#context, { from, url })
    const [plan] = plans
    if (!plan) throw new Error('the caller has no pod')
    return plan
  }

  /** Whether every pod is ready. */
  async isWhole(): Promise<boolean> {
    for (const cluster of this.clusters) {
      for (const [where, deployment] of [[namespace, 'shop'], Object.values(gateways)] as [string, string][])
        if (!(await podsOf(this.#context, cluster, where, deployment)).every(isReady)) return false
    }
    return true
  }

  /** How often each path was posted to a program. */
  posted(): ReadonlyMap<string, number> {
    const ledger = this.#file('ledger')
    const counts = new Map<string, number>()
    if (!existsSync(ledger)) return counts
    for (const path of readFileSync(ledger, 'utf8').split('\n')) counts.set(path, (counts.get(path) ?? 0) + 1)
    return counts
  }

  #file(name: string): string {
    return join(this.#sandbox.environment['FAIRLEAD_HOME'] ?? '', name)
  }

  async #install(cluster: ClusterName): Promise<void> {
    const files = {
      ledger: this.#file('ledger'),
      refuse: this.#file(`refuse-${cluster}`),
      unready: this.#file(`unready-${cluster}`),
    }
    await this.#apply(cluster, serviceObjects(namespace, files))
    await this.#rolledOut(cluster, namespace, 'shop')
  }

  async #scale(cluster: ClusterName, namespace: string, deployment: string, replicas: number): Promise<void> {
    await this.#kubectl(cluster, ['scale', `deployment/${deployment}`, '-n', namespace, `--replicas=${replicas}`])
    await this.#rolledOut(cluster, namespace, deployment)
  }

  async #rolledOut(cluster: ClusterName, namespace: string, deployment: string): Promise<void> {
    await this.#kubectl(cluster, ['rollout', 'status', `deployment/${deployment}`, '-n', namespace, '--timeout=120s'])
  }

  async #apply(cluster: ClusterName, objects: readonly object[]): Promise<void> {
    await this.#kubectl(cluster, ['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'))
  }

  async #kubectl(cluster: ClusterName, args: readonly string[], stdin?: string): Promise<void> {
    await kubectlOk(this.#context, ['--context', cluster, ...args], stdin)
  }
}
