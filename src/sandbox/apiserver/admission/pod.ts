// What happens to every new pod: its service account with a token, tolerations of nodes that fail, a priority.
import { randomBytes } from 'node:crypto'
import type { Call } from '../core.ts'
import { forbidden } from '../errors.ts'
import { ensureObject, type JsonObject, listAt, nameOf, numberAt, objectsAt, textAt } from '../json.ts'

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const failingNode = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
const tolerationSeconds = 300

/** Changes a new pod. Throws ApiError. */
export function admitPod(call: Call, pod: JsonObject): void {
  const spec = ensureObject(pod, 'spec')
  if (textAt(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror') === '') admitAccount(call, pod, spec)
  addTolerations(spec)
  addPriority(call, pod, spec)
}

function admitAccount(call: Call, pod: JsonObject, spec: JsonObject): void {
  const name = textAt(spec, 'serviceAccountName') || 'default'
  spec['serviceAccountName'] = name
  spec['serviceAccount'] = name
  const account = call.core.store.get('/serviceaccounts', call.namespace, name)?.object
  if (!account) {
    throw forbidden(
      { group: '', name: 'pods' },
      nameOf(pod),
      `error looking up service account ${call.namespace}/${name}: serviceaccount "${name}" not found`,
    )
  }
  const pullSecrets = listAt(account, 'imagePullSecrets')
  if (pullSecrets.length > 0 && listAt(spec, 'imagePullSecrets').length === 0) spec['imagePullSecrets'] = pullSecrets
  const wanted = spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken'] ?? true
  if (wanted !== false) mountToken(spec)
}

function mountToken(spec: JsonObject): void {
  const containers = ['initContainers', 'containers'].flatMap((key) => objectsAt(spec, key))
  const mountsToken = (container: JsonObject): boolean =>
    objectsAt(container, 'volumeMounts').some((m) => textAt(m, 'mountPath') === tokenPath)
  const without = containers.filter((c) => !mountsToken(c))
  if (without.length === 0) return
  const existing = objectsAt(spec, 'volumes').find((v) => textAt(v, 'name').startsWith('kube-api-access-'))
  const volume = existing ? textAt(existing, 'name') : `kube-api-access-${suffix()}`
  for (const container of without) {
    container['volumeMounts'] = [
      ...listAt(container, 'volumeMounts'),
      { mountPath: tokenPath, name: volume, readOnly: true },
    ]
  }
  if (!existing) spec['volumes'] = [...listAt(spec, 'volumes'), tokenVolume(volume)]
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
const suffix = (): string => Array.from(randomBytes(5), (b) => alphabet[b % alphabet.length]).join('')

const tokenVolume = (name: string): JsonObject => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
      {
        downwardAPI: {
          items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }],
        },
      },
    ],
  },
})

/** A pod stays on a failing node for a while, unless it says otherwise. */
function addTolerations(spec: JsonObject): void {
  const given = objectsAt(spec, 'tolerations')
  const missing = failingNode.filter(
    (key) =>
      !given.some((t) => {
        const own = textAt(t, 'key')
        const effect = textAt(t, 'effect')
        return (own === key || own === '') && (effect === 'NoExecute' || effect === '')
      }),
  )
  if (missing.length === 0) return
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }))
  spec['tolerations'] = [...given, ...added]
}

function addPriority(call: Call, pod: JsonObject, spec: JsonObject): void {
  const name = textAt(spec, 'priorityClassName')
  const { store } = call.core
  const storage = 'scheduling.k8s.io/priorityclasses'
  const builtin: Record<string, number> = { 'system-cluster-critical': 2000000000, 'system-node-critical': 2000001000 }
  if (name) {
    const found = store.get(storage, '', name)?.object
    const value = numberAt(found, 'value') ?? builtin[name]
    if (value === undefined) {
      throw forbidden({ group: '', name: 'pods' }, nameOf(pod), `no PriorityClass with name ${name} was found`)
    }
    spec['priority'] = value
    spec['preemptionPolicy'] ??= textAt(found, 'preemptionPolicy') || 'PreemptLowerPriority'
    return
  }
  const fallback = store.list(storage).find(({ object }) => object['globalDefault'] === true)?.object
  spec['priority'] ??= numberAt(fallback, 'value') ?? 0
  if (fallback) spec['priorityClassName'] = nameOf(fallback)
  spec['preemptionPolicy'] ??= textAt(fallback, 'preemptionPolicy') || 'PreemptLowerPriority'
}
