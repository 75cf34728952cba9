// Where the kubelet of a pod listens, and how it is asked.
import type { Call } from '../core.ts'
import { badRequest, internalError } from '../errors.ts'
import { type JsonObject, nameOf, numberAt, objectsAt, textAt } from '../json.ts'
import { get } from '../rest/read.ts'

export interface KubeletTarget {
  readonly host: string
  readonly port: number
  /** Path and query. */
  readonly path: string
}

/** The container that a request means: the one it names, else the pod's only one. Throws ApiError. */
export function containerOf(pod: JsonObject, asked: string): string {
  const names = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((key) =>
    objectsAt(pod, 'spec', key).map((c) => textAt(c, 'name')),
  )
  if (asked) {
    if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${nameOf(pod)}`)
    return asked
  }
  const main = objectsAt(pod, 'spec', 'containers').map((c) => textAt(c, 'name'))
  if (main.length === 1 && main[0]) return main[0]
  const inits = objectsAt(pod, 'spec', 'initContainers').map((c) => textAt(c, 'name'))
  const more = inits.length > 0 ? ` or one of the init containers: [${inits.join(' ')}]` : ''
  throw badRequest(
    `a container name must be specified for pod ${nameOf(pod)}, choose one of: [${main.join(' ')}]${more}`,
  )
}

/** The kubelet's address and the path for a verb on the call's pod; undefined while the pod is on no node. Throws ApiError. */
export function targetOf(call: Call, verb: string, container: string | undefined): KubeletTarget | undefined {
  const pod = get(call).object
  const nodeName = textAt(pod, 'spec', 'nodeName')
  if (!nodeName) return undefined
  const node = call.core.store.get('/nodes', '', nodeName)?.object
  const address = objectsAt(node, 'status', 'addresses').find((a) => textAt(a, 'type') === 'InternalIP')
  const port = numberAt(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port')
  if (!address || !port) throw internalError(`no preferred addresses found; known addresses: []`)
  const parts = [verb, call.namespace, nameOf(pod), ...(container === undefined ? [] : [container])]
  const path = `/${parts.map(encodeURIComponent).join('/')}`
  return { host: textAt(address, 'address'), port, path: `${path}${kubeletQuery(verb, call.query)}` }
}

/** Parameters in the kubelet's names: what clients call `stdin` is its `input`, and so on. */
function kubeletQuery(verb: string, query: URLSearchParams): string {
  const out = new URLSearchParams()
  const renamed: Record<string, string> = { stdin: 'input', stdout: 'output', stderr: 'error' }
  for (const [key, value] of query) {
    if (key === 'container') continue
    const name = verb === 'exec' || verb === 'attach' ? (renamed[key] ?? key) : key
    out.append(name, name === key ? value : value === 'true' || value === '1' ? '1' : '0')
  }
  const text = out.toString()
  return text ? `?${text}` : ''
}
