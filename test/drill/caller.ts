// Who asks in a drill, and how.
import { Agent } from 'node:http'
import { type Answer, type RequestPlan, send } from '../../src/sandbox/traffic/index.ts'
import { Http2Caller } from './http2-caller.ts'

/**
 * `program`: HTTP/1.1 through the proxy beside it. `gateway`: from outside, through the ingress gateway. `grpc`: HTTP/2 in a tunnel
 * through the proxy, as clients of gRPC do it; its POSTs are gRPC calls.
 */
export type CallerKind = 'program' | 'gateway' | 'grpc'

export interface Caller {
  get(): Promise<Answer>
  /** `path` starts with a slash. */
  post(path: string): Promise<Answer>
  close(): void
}

/** How long a caller waits for an answer. */
const patienceMs = 4000

/** `plan`: of any GET; its path is replaced. */
export function callerOf(kind: CallerKind, plan: RequestPlan): Caller {
  if (kind === 'grpc') return new Http2Caller(plan, patienceMs)
  const agents = { get: new Agent({ keepAlive: true, maxSockets: 512 }), post: new Agent({ keepAlive: true }) }
  const to = (path: string): string => new URL(path, plan.url).href
  return {
    get: () => send({ ...plan, url: to('/get'), timeoutMs: patienceMs }, agents.get),
    post: (path) => send({ ...plan, method: 'POST', url: to(path), timeoutMs: patienceMs }, agents.post),
    close() {
      agents.get.destroy()
      agents.post.destroy()
    },
  }
}

/** Requests at a fixed rate, whatever the answers are, until stopped; `stop` waits for what is under way. */
export function openLoop(rate: number, ask: (nth: number) => Promise<void>): { stop(): Promise<void> } {
  const startedAt = performance.now()
  const pending = new Set<Promise<void>>()
  let sent = 0
  const tick = (): void => {
    const due = Math.floor(((performance.now() - startedAt) * rate) / 1000) + 1
    for (; sent < due; sent++) {
      const one = ask(sent)
      pending.add(one)
      void one.finally(() => pending.delete(one))
    }
  }
  const timer = setInterval(tick, Math.max(5, Math.min(1000 / rate, 50)))
  tick()
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
    },
  }
}
