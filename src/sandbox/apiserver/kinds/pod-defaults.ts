// Defaults of pod specs, in pods and in templates (k8s.io/kubernetes/pkg/apis/core/v1/defaults.go).
import { isObject, type JsonObject, objectAt, objectsAt, setDefault, stringMap, textAt } from '../json.ts'

const probeDefaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }

function httpGetDefaults(handler: JsonObject | undefined): void {
  const httpGet = objectAt(handler, 'httpGet')
  if (!httpGet) return
  setDefault(httpGet, 'path', '/')
  setDefault(httpGet, 'scheme', 'HTTP')
}

/** `Always` for images without a tag or tagged `latest`, else `IfNotPresent`. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent'
  const tag = /:([^/:]+)$/.exec(image)?.[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

function containerDefaults(container: JsonObject, isEphemeral: boolean): void {
  if (!isEphemeral || textAt(container, 'image'))
    setDefault(container, 'imagePullPolicy', pullPolicyOf(textAt(container, 'image')))
  setDefault(container, 'terminationMessagePath', '/dev/termination-log')
  setDefault(container, 'terminationMessagePolicy', 'File')
  for (const port of objectsAt(container, 'ports')) setDefault(port, 'protocol', 'TCP')
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectAt(container, name)
    if (!probe) continue
    for (const [key, value] of Object.entries(probeDefaults)) setDefault(probe, key, value)
    httpGetDefaults(probe)
    const grpc = objectAt(probe, 'grpc')
    if (grpc) setDefault(grpc, 'service', '')
  }
  const lifecycle = objectAt(container, 'lifecycle')
  for (const hook of ['postStart', 'preStop']) httpGetDefaults(objectAt(lifecycle, hook))
  for (const env of objectsAt(container, 'env')) fieldRefDefault(objectAt(env, 'valueFrom'))
}

function fieldRefDefault(source: JsonObject | undefined): void {
  const ref = objectAt(source, 'fieldRef')
  if (ref) setDefault(ref, 'apiVersion', 'v1')
}

function volumeDefaults(volume: JsonObject): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume['emptyDir'] = {}
  for (const kind of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const source = objectAt(volume, kind)
    if (source) setDefault(source, 'defaultMode', 420)
  }
  for (const item of objectsAt(volume, 'downwardAPI', 'items')) fieldRefDefault(item)
  for (const source of objectsAt(volume, 'projected', 'sources')) {
    const token = objectAt(source, 'serviceAccountToken')
    if (token) setDefault(token, 'expirationSeconds', 3600)
    for (const item of objectsAt(source, 'downwardAPI', 'items')) fieldRefDefault(item)
  }
  const hostPath = objectAt(volume, 'hostPath')
  if (hostPath) setDefault(hostPath, 'type', '')
  const claim = objectAt(volume, 'ephemeral', 'volumeClaimTemplate', 'spec')
  if (claim) setDefault(claim, 'volumeMode', 'Filesystem')
}

/** Fills a pod spec. */
export function podSpecDefaults(spec: JsonObject): void {
  setDefault(spec, 'dnsPolicy', 'ClusterFirst')
  setDefault(spec, 'restartPolicy', 'Always')
  setDefault(spec, 'terminationGracePeriodSeconds', 30)
  setDefault(spec, 'schedulerName', 'default-scheduler')
  setDefault(spec, 'securityContext', {})
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount')
  if (account) {
    spec['serviceAccountName'] = account
    spec['serviceAccount'] = account
  }
  for (const key of ['containers', 'initContainers', 'ephemeralContainers']) {
    for (const container of objectsAt(spec, key)) {
      containerDefaults(container, key === 'ephemeralContainers')
      if (spec['hostNetwork'] === true) {
        for (const port of objectsAt(container, 'ports')) {
          if (port['containerPort'] !== undefined) setDefault(port, 'hostPort', port['containerPort'])
        }
      }
    }
  }
  for (const volume of objectsAt(spec, 'volumes')) volumeDefaults(volume)
}

/** Fills a pod: its spec, service links, and requests that only limits name. */
export function podDefaults(pod: JsonObject): void {
  const spec = objectAt(pod, 'spec')
  if (!spec) return
  podSpecDefaults(spec)
  setDefault(spec, 'enableServiceLinks', true)
  for (const container of [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')]) {
    const resources = objectAt(container, 'resources')
    const limits = stringMap(objectAt(resources, 'limits'))
    if (!resources || Object.keys(limits).length === 0) continue
    const requests = isObject(resources['requests']) ? resources['requests'] : {}
    for (const [name, amount] of Object.entries(limits)) requests[name] ??= amount
    resources['requests'] = requests
  }
}
