import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Call } from '../core.ts'
import { internalError, invalid, invalidObject, methodNotAllowed } from '../errors.ts'
import type { Exchange } from '../http/resources.ts'
import { get } from '../rest/read.ts'
import { containerOf, type KubeletTarget, targetOf } from './target.ts'

/** `GET pods/NAME/log`: the container's output, passed on from its kubelet as it comes. */
export async function serveKubelet(call: Call, exchange: Exchange): Promise<void> {
  const { answer } = exchange
  if (exchange.request.method !== 'GET') throw methodNotAllowed()
  checkOptions(call)
  const container = containerOf(get(call).object, call.query.get('container') ?? '')
  const target = targetOf(call, 'containerLogs', container)
  if (!target) {
    answer.text(200, '')
    return
  }
  const upstream = await ask(target, call.core.kubeletToken)
  answer.setWarnings()
  answer.response.writeHead(upstream.statusCode ?? 500, {
    'Content-Type': upstream.headers['content-type'] ?? 'text/plain',
    'Cache-Control': 'no-cache, private',
  })
  answer.response.flushHeaders()
  const release = exchange.onWatch({ storage: '', end: () => upstream.destroy() })
  upstream.pipe(answer.response)
  upstream.on('error', () => answer.response.destroy())
  upstream.on('close', release)
  answer.response.on('close', () => upstream.destroy())
}

function checkOptions(call: Call): void {
  const errors = []
  for (const [key, least] of [
    ['tailLines', 0],
    ['sinceSeconds', 1],
    ['limitBytes', 1],
  ] as const) {
    const text = call.query.get(key)
    if (text === null) continue
    const value = Number(text)
    if (value >= least) continue
    errors.push(invalid(key, value, least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0'))
  }
  if (errors.length > 0) throw invalidObject({ group: '', name: 'PodLogOptions' }, call.name, errors)
}

function ask({ host, port, path }: KubeletTarget, token: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Kubelets serve with certificates of their own making; the token is sent to the address that the Node gives,
    // as a real API server without a kubelet CA does.
    const sent = request(
      { host, port, path, headers: { authorization: `Bearer ${token}` }, rejectUnauthorized: false, agent: false },
      resolve,
    )
    sent.on('error', (error) => reject(internalError(`Get "https://${host}:${port}${path}": ${error.message}`)))
    sent.end()
  })
}
