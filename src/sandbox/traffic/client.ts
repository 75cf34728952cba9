import { Agent, request } from 'node:http'

/** One request to be sent, perhaps many times. */
export interface RequestPlan {
  /** Absolute http: URL, as the program in the pod would write it. */
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Explicit proxy to send it through (`http_proxy` of the pod that it comes from); absent = straight to the URL. */
  readonly proxy?: { readonly host: string; readonly port: number }
  readonly timeoutMs?: number
}

/** What came back. `status` 0: no HTTP answer, and `error` says why. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly latencyMs: number
  /** When the request was sent, milliseconds of the monotonic clock. */
  readonly sentAtMs: number
  readonly error?: string
}

const bodyLimit = 256 * 1024

/** Sends one request; never throws, since a failed request is a result like any other. */
export function send(plan: RequestPlan, agent: Agent): Promise<Answer> {
  const url = new URL(plan.url)
  const startedAt = performance.now()
  const took = (): number => performance.now() - startedAt
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const fail = (error: Error): void =>
    resolve({ status: 0, headers: {}, body: '', latencyMs: took(), sentAtMs: startedAt, error: error.message })
  const host = Object.entries(plan.headers ?? {}).find(([name]) => name.toLowerCase() === 'host')?.[1] ?? url.host
  const outgoing = request({
    agent,
    method: plan.method ?? 'GET',
    host: plan.proxy?.host ?? url.hostname,
    port: plan.proxy?.port ?? (url.port === '' ? 80 : Number(url.port)),
    path: plan.proxy ? url.href : `${url.pathname}${url.search}`,
    headers: { ...plan.headers, host },
    signal: AbortSignal.timeout(plan.timeoutMs ?? 15_000),
  })
  outgoing.on('error', fail)
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = []
    let size = 0
    incoming.on('data', (chunk: Buffer) => {
      if (size < bodyLimit) chunks.push(chunk)
      size += chunk.length
    })
    incoming.on('error', fail)
    incoming.on('end', () => {
      const headers: Record<string, string> = {}
      for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value)
      const body = Buffer.concat(chunks).toString('utf8')
      resolve({ status: incoming.statusCode ?? 0, headers, body, latencyMs: took(), sentAtMs: startedAt })
    })
  })
  outgoing.end()
  return promise
}

/** How many requests to send, how many at once, and how fast at most. */
export interface Volume {
  readonly count: number
  readonly parallel: number
  /** Requests per second; absent = as fast as the answers come. */
  readonly rate?: number
}

/** Sends `count` requests, taking the plans in turn; the answers are in the order in which the requests were sent. */
export async function sendMany(
  plans: readonly RequestPlan[],
  volume: Volume,
  each: (answer: Answer) => void = () => {},
): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: volume.parallel })
  const answers: Answer[] = []
  const startedAt = performance.now()
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < volume.count) {
      const index = next++
      const plan = plans[index % plans.length]
      if (!plan) throw new Error('nobody to send a request from')
      if (volume.rate !== undefined) await until(startedAt + (index * 1000) / volume.rate)
      const answer = await send(plan, agent)
      answers[index] = answer
      each(answer)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(volume.parallel, volume.count) }, lane))
    return answers
  } finally {
    agent.destroy()
  }
}

/** Requests that go on at a fixed rate, whatever the answers are (an open loop), until stopped. */
export class Load {
  readonly #answers: Answer[] = []
  readonly #agent: Agent
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #sent = 0

  /** `rate` in requests per second, over `parallel` connections at most. `each` sees every answer as it comes. */
  constructor(
    plans: () => readonly RequestPlan[],
    { rate, parallel = 512 }: { readonly rate: number; readonly parallel?: number },
    each: (answer: Answer) => void = () => {},
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: parallel })
    const startedAt = performance.now()
    const tick = (): void => {
      const due = Math.floor(((performance.now() - startedAt) * rate) / 1000) + 1
      for (; this.#sent < due; this.#sent++) {
        const all = plans()
        const plan = all[this.#sent % all.length]
        if (!plan) continue
        const one = send(plan, this.#agent).then((answer) => {
          this.#answers.push(answer)
          each(answer)
        })
        this.#pending.add(one)
        void one.finally(() => this.#pending.delete(one))
      }
    }
    this.#timer = setInterval(tick, Math.max(5, Math.min(1000 / rate, 50)))
    tick()
  }

  /** Sends nothing more, waits for what is under way, and returns all answers. */
  async stop(): Promise<readonly Answer[]> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
    this.#agent.destroy()
    return this.#answers
  }
}

function until(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now()
  return waitMs <= 0 ? Promise.resolve() : new Promise((done) => setTimeout(done, waitMs))
}
