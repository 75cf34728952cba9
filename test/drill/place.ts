// The sandbox of the drills: a caller in `east`, the service `shop` in `east` and `west`.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { RequestPlan } from '../../src/sandbox/traffic/index.ts'
import { type Context, kubectlOk, podsOf, requestPlans } from '../scenario/context.ts'
import type { Fields } from '../scenario/file.ts'
import { openSandbox, type ScenarioSandbox } from '../scenario/sandbox.ts'
import type { Rule } from './drills.ts'

const namespace = 'shop'
const clusters = ['east', 'west'] as const
type Cluster = (typeof clusters)[number]
const host = 'shop.shop.svc.cluster.local'

export class Place {
  readonly #sandbox: ScenarioSandbox
  readonly #context: Context
  #flapping: { stop: AbortController; done: Promise<void> } | undefined

  private constructor(sandbox: ScenarioSandbox, signal: AbortSignal) {
    this.#sandbox = sandbox
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
  static async open(signal: AbortSignal): Promise<Place> {
    const sandbox = await openSandbox(
      {
        clusters: [
          { name: 'east', context: 'east', region: 'eu', zone: 'eu-a' },
          { name: 'west', context: 'west', region: 'us', zone: 'us-a' },
        ],
        samples: [{ context: 'east', sample: 'sleep', namespace }],
      },
      signal,
    )
    const place = new Place(sandbox, signal)
    try {
      for (const cluster of clusters) await place.#install(cluster)
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
  async refuse(cluster: Cluster, on: boolean): Promise<void> {
    if (on) writeFileSync(this.#file(`refuse-${cluster}`), '')
    else rmSync(this.#file(`refuse-${cluster}`), { force: true })
  }

  /** Makes the pods of a cluster ready and not ready in turn. */
  async flap(cluster: Cluster, everyMs: number): Promise<void> {
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
    const locality = rule === 'even' ? { distribute: [{ from: 'eu', to: { eu: 50, us: 50 } }] } : { enabled: true }
    const destinationRule = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'shop', namespace },
      spec: { host, trafficPolicy: { outlierDetection: {}, loadBalancer: { localityLbSetting: locality } } },
    }
    const retries = rule === 'local-first-with-try-timeout' ? { retries: { attempts: 4, perTryTimeout: '0.5s' } } : {}
    const virtualService = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'shop', namespace },
      spec: { hosts: [host], http: [{ route: [{ destination: { host } }], ...retries }] },
    }
    await this.#apply('east', [destinationRule, virtualService])
  }

  /** How the caller's program would ask for a path. */
  async plan(method: 'GET' | 'POST', path: string): Promise<RequestPlan> {
    const { plans } = await requestPlans(this.#context, {
      from: 'east/shop/sleep',
      url: `http://${host}${path}`,
      method,
    })
    const [plan] = plans
    if (!plan) throw new Error('the caller has no pod')
    return plan
  }

  /** Whether every pod is ready. */
  async isWhole(): Promise<boolean> {
    for (const cluster of clusters) {
      for (const pod of await podsOf(this.#context, cluster, namespace, 'shop'))
        if (!pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return false
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

  async #install(cluster: Cluster): Promise<void> {
    const labels = { app: 'shop' }
    const container = {
      name: 'shop',
      image: 'google-samples/hello-app:1.0',
      command: [process.execPath, join(import.meta.dirname, 'program.mjs')],
      ports: [{ name: 'http', containerPort: 8080 }],
      env: [
        { name: 'DRILL_LEDGER', value: this.#file('ledger') },
        { name: 'DRILL_REFUSE', value: this.#file(`refuse-${cluster}`) },
      ],
      readinessProbe: {
        exec: { command: ['test', '!', '-e', this.#file(`unready-${cluster}`)] },
        periodSeconds: 1,
        failureThreshold: 1,
      },
    }
    await this.#apply(cluster, [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'istio-injection': 'enabled' } } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'shop', namespace, labels },
        spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'shop', namespace, labels },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container] } },
        },
      },
    ])
    const at = ['--context', cluster, '-n', namespace]
    await kubectlOk(this.#context, [...at, 'rollout', 'status', 'deployment/shop', '--timeout=120s'])
  }

  async #apply(cluster: Cluster, objects: readonly object[]): Promise<void> {
    const text = objects.map((object) => stringify(object)).join('---\n')
    await kubectlOk(this.#context, ['--context', cluster, 'apply', '-f', '-'], text)
  }
}
