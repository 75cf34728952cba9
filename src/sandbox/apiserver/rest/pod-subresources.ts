// Subresources that change pods and namespaces in one particular way: binding, eviction, finalize, approval.
import type { Call } from '../core.ts'
import { ApiError, conflict, methodNotAllowed, notFound } from '../errors.ts'
import { asObject, parseBody, readBytes } from '../http/body.ts'
import type { Exchange } from '../http/resources.ts'
import {
  clone,
  ensureObject,
  isObject,
  type JsonObject,
  listAt,
  nameOf,
  numberAt,
  objectAt,
  objectsAt,
  stringMap,
  textAt,
} from '../json.ts'
import { deleteOne, deleteOptions } from './delete.ts'
import { writeOptions } from './options.ts'
import { get } from './read.ts'
import { matchesLabels, selectorOf } from './selectors.ts'
import { shownObject, update } from './write.ts'

async function bodyOf({ request }: Exchange): Promise<JsonObject> {
  return asObject(parseBody(await readBytes(request), request.headers['content-type'] ?? ''))
}

const success = (code: number): JsonObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code,
})

/** Puts a pod on a node: what a scheduler does. */
export async function serveBinding(call: Call, exchange: Exchange): Promise<void> {
  if (exchange.request.method !== 'POST') throw methodNotAllowed()
  const binding = await bodyOf(exchange)
  const node = textAt(binding, 'target', 'name')
  const options = writeOptions(call, 'CreateOptions')
  await update(
    call,
    (old) => {
      const current = textAt(old, 'spec', 'nodeName')
      if (current)
        throw conflict(
          { group: '', name: 'pods/binding' },
          call.name,
          `pod ${call.name} is already assigned to node "${current}"`,
        )
      if (textAt(old, 'metadata', 'deletionTimestamp')) {
        throw conflict(
          { group: '', name: 'pods/binding' },
          call.name,
          `pod ${call.name} is being deleted, cannot be assigned to a host`,
        )
      }
      const next = clone(old)
      ensureObject(next, 'spec')['nodeName'] = node
      const status = ensureObject(next, 'status')
      const others = objectsAt(status, 'conditions').filter((c) => textAt(c, 'type') !== 'PodScheduled')
      const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
      status['conditions'] = [
        ...others,
        { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now },
      ]
      return next
    },
    options,
  )
  exchange.answer.object(201, success(201), exchange.format.media)
}

/** Whether a pod counts as healthy for a disruption budget. */
const isReady = (pod: JsonObject): boolean =>
  objectsAt(pod, 'status', 'conditions').some((c) => textAt(c, 'type') === 'Ready' && textAt(c, 'status') === 'True')

/** Deletes a pod unless a disruption budget stands against it. */
export async function serveEviction(call: Call, exchange: Exchange): Promise<void> {
  if (exchange.request.method !== 'POST') throw methodNotAllowed()
  const eviction = await bodyOf(exchange)
  const pod = get(call).object
  const { store } = call.core
  const labels = stringMap(objectAt(pod, 'metadata', 'labels'))
  const phase = textAt(pod, 'status', 'phase')
  const counts = phase === 'Running' && isReady(pod)
  for (const { object } of store.list('policy/poddisruptionbudgets', call.namespace)) {
    const selector = objectAt(object, 'spec', 'selector')
    if (!counts || !selector || !matchesLabels(selectorOf(selector), labels)) continue
    if ((numberAt(object, 'status', 'disruptionsAllowed') ?? 0) > 0) continue
    const why = `The disruption budget ${nameOf(object)} needs ${numberAt(object, 'status', 'desiredHealthy') ?? 0} healthy pods and has ${numberAt(object, 'status', 'currentHealthy') ?? 0} currently`
    throw new ApiError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message: why }],
    })
  }
  const options = eviction['deleteOptions']
  await deleteOne({ ...call, subresource: '' }, deleteOptions(call, isObject(options) ? options : undefined))
  exchange.answer.object(201, success(201), exchange.format.media)
}

/** Writes the finalizers of a namespace's spec, and removes a deleted namespace that has none left. */
export async function serveFinalize(call: Call, exchange: Exchange): Promise<void> {
  if (exchange.request.method !== 'PUT') throw methodNotAllowed()
  const body = await bodyOf(exchange)
  const { store } = call.core
  const current = store.get('/namespaces', '', call.name)
  if (!current) throw notFound({ group: '', name: 'namespaces' }, call.name)
  const version = textAt(body, 'metadata', 'resourceVersion')
  if (version && version !== String(current.version)) {
    throw conflict(
      { group: '', name: 'namespaces' },
      call.name,
      'the object has been modified; please apply your changes to the latest version and try again',
    )
  }
  const next = clone(current.object)
  const finalizers = listAt(body, 'spec', 'finalizers')
  next['spec'] = finalizers.length > 0 ? { finalizers } : {}
  const done =
    finalizers.length === 0 &&
    textAt(next, 'metadata', 'deletionTimestamp') !== '' &&
    listAt(next, 'metadata', 'finalizers').length === 0
  const stored = done ? store.remove('/namespaces', current, next) : store.write('/namespaces', next)
  exchange.answer.object(200, shownObject(call.resource, stored), exchange.format.media)
}
