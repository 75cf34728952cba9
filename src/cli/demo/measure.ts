// Sends requests as the guide's caller does, and draws where they went.
import { type Answer, Load, type RequestPlan, sendMany, shareDeviations } from '../../sandbox/index.ts'
import type { Caller, Guide } from './guide.ts'
import { kubectl } from './kubectl.ts'
import { type Counts, draw, Screen } from './picture.ts'

const proxyPort = 15001
const requests = 2000
const ratePerSecond = 400
/** In the endless mode the shares are those of the last so many answers, so that a changed weight shows soon. */
const windowSize = 1000
const endlessRatePerSecond = 50
const redrawMs = 100

/** How a program in the caller's pod would send the guide's request: through the pod's own proxy. */
export async function requestOf(
  guide: Pick<Guide, 'caller' | 'url'>,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<RequestPlan> {
  const { caller } = guide
  if ('gateway' in caller) return throughGateway(caller, guide.url, kubeconfig, signal)
  const { context, namespace, deployment } = caller
  const [app = '', version = ''] = deployment.split(/-(?=[^-]*$)/)
  const selector = version === '' ? `app=${app}` : `app=${app},version=${version}`
  const get = ['--context', context, '-n', namespace, 'get', 'pods', '-l', selector]
  const running = ['--field-selector', 'status.phase=Running', '-o', 'jsonpath={.items[0].status.podIP}']
  const host = (await kubectl(kubeconfig, [...get, ...running], signal)).trim()
  if (host === '') throw new Error(`no pod of ${deployment} is running`)
  return { url: guide.url, proxy: { host, port: proxyPort } }
}

/** The address of a gateway's load balancer, which may open low ports under other numbers. */
async function throughGateway(
  { context, namespace, gateway, port }: Extract<Caller, { gateway: string }>,
  path: string,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<RequestPlan> {
  const get = ['--context', context, '-n', namespace, 'get', 'service', gateway, '-o', 'json']
  const { metadata, status } = JSON.parse(await kubectl(kubeconfig, get, signal)) as {
    metadata: { annotations?: Record<string, string> }
    status: { loadBalancer?: { ingress?: { ip?: string }[] } }
  }
  const host = status.loadBalancer?.ingress?.[0]?.ip
  if (host === undefined) throw new Error(`service ${namespace}/${gateway} has no load balancer address`)
  const moved = JSON.parse(metadata.annotations?.['fairlead.dev/load-balancer-ports'] ?? '{}') as Record<string, number>
  return { url: `http://${host}:${moved[port] ?? port}${path}` }
}

/** Who calls, for people. */
function nameOf(caller: Caller): string {
  return 'gateway' in caller ? `users behind ${caller.gateway} of ${caller.context}` : caller.deployment
}

class Tally {
  readonly #guide: Guide
  readonly #recent: (string | undefined)[] = []
  readonly #limit: number
  #sent = 0
  #failed = 0

  constructor(guide: Guide, limit: number) {
    this.#guide = guide
    this.#limit = limit
  }

  add(answer: Answer): void {
    this.#sent++
    if (answer.status !== 200) this.#failed++
    this.#recent.push(
      answer.status === 200 ? (this.#guide.rowOf(answer.headers['x-served-by'] ?? '') ?? '') : undefined,
    )
    if (this.#recent.length > this.#limit) this.#recent.shift()
  }

  /** Counts for the picture: shares over the window, totals over all. */
  counts(): Counts & { readonly total: number; readonly totalFailed: number } {
    const answered = new Map<string, number>()
    let failed = 0
    for (const row of this.#recent) {
      if (row === undefined) failed++
      else answered.set(row, (answered.get(row) ?? 0) + 1)
    }
    return { sent: this.#recent.length, failed, answered, total: this.#sent, totalFailed: this.#failed }
  }
}

/** Sends a fixed number of requests; returns what is wrong with the shares, nothing if they are within 4 sigma. */
export async function measure(guide: Guide, plan: RequestPlan): Promise<string[]> {
  const tally = new Tally(guide, requests)
  const screen = new Screen()
  const title = 'gateway' in guide.caller ? plan.url : `${nameOf(guide.caller)} calls ${guide.url}`
  let drawnAt = 0
  await sendMany([plan], { count: requests, parallel: 8, rate: ratePerSecond }, (answer) => {
    tally.add(answer)
    if (performance.now() - drawnAt < redrawMs) return
    drawnAt = performance.now()
    screen.update(draw(title, guide.rows, tally.counts()))
  })
  const counts = tally.counts()
  screen.final(draw(title, guide.rows, counts))
  const isWhole = ({ wanted }: Guide['rows'][number]): boolean => wanted === 0 || wanted === 1
  const wrong = [guide.rows.filter(isWhole), guide.rows.filter((row) => !isWhole(row))].flatMap((rows, at) => {
    const wanted = Object.fromEntries(rows.map((row) => [row.name, row.wanted]))
    return shareDeviations(wanted, counts.answered, counts.sent, at === 0 ? undefined : guide.tolerance)
  })
  return counts.failed > 0 ? [`${counts.failed} requests failed`, ...wrong] : wrong
}

/** Goes on sending and drawing until the signal; the picture follows changes of the policy. */
export async function watchTraffic(guide: Guide, plan: () => Promise<RequestPlan>, signal: AbortSignal): Promise<void> {
  const tally = new Tally(guide, windowSize)
  const screen = new Screen()
  let current = await plan()
  const load = new Load(
    () => [current],
    { rate: endlessRatePerSecond },
    (answer) => {
      tally.add(answer)
      // The caller may have been restarted, and live at another address now.
      if (answer.status === 0) void plan().then((fresh) => (current = fresh), keepLast)
    },
  )
  const timer = setInterval(() => {
    const counts = tally.counts()
    const title = `the last ${counts.sent} calls of ${nameOf(guide.caller)} (${counts.total} in all, ${counts.totalFailed} failed)`
    screen.update(draw(title, guide.rows, counts))
  }, 500)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearInterval(timer)
  await load.stop()
}

/** Between two pods there may be none to ask: the next failed answer asks again. */
function keepLast(): void {}
