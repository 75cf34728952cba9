// The environment of a container: variables as the pod spec says, and references to them in commands. Pure.
import type { Container, DownwardItem, EnvVar, Pod } from './types.ts'

/** Data of ConfigMaps and Secrets, read beforehand; undefined for one that is not there. */
export interface ConfigData {
  configMap(name: string): Readonly<Record<string, string>> | undefined
  secret(name: string): Readonly<Record<string, string>> | undefined
}

export interface PodFacts {
  readonly podIP: string
  readonly hostIP: string
  /** Capacity of the node, for limits that are not set. */
  readonly cpus: number
  readonly memoryBytes: number
}

/** A reference to something that is not there; the container waits until it is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Variables of a container, in the order in which they may refer to each other. Throws `ConfigError`. */
export function environmentOf(pod: Pod, container: Container, facts: PodFacts, data: ConfigData): Map<string, string> {
  const env = new Map<string, string>()
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef
    const kind = configMapRef ? 'configmap' : 'secret'
    const name = ref?.name ?? ''
    const values = configMapRef ? data.configMap(name) : data.secret(name)
    if (!values && !ref?.optional) throw new ConfigError(`${kind} "${name}" not found`)
    for (const [key, value] of Object.entries(values ?? {})) env.set(prefix + key, value)
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, pod, container, facts, data)
    if (value !== undefined) env.set(variable.name, variable.valueFrom ? value : expand(value, env))
  }
  return env
}

function valueOf(
  { value, valueFrom }: EnvVar,
  pod: Pod,
  container: Container,
  facts: PodFacts,
  data: ConfigData,
): string | undefined {
  if (!valueFrom) return value ?? ''
  if (valueFrom.fieldRef) return fieldOf(pod, valueFrom.fieldRef.fieldPath, facts)
  if (valueFrom.resourceFieldRef) return resourceOf(pod, container, valueFrom.resourceFieldRef, facts)
  const ref = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef
  if (!ref) return undefined
  const kind = valueFrom.configMapKeyRef ? 'configmap' : 'secret'
  const name = ref.name ?? ''
  const values = valueFrom.configMapKeyRef ? data.configMap(name) : data.secret(name)
  const found = values?.[ref.key]
  if (found !== undefined || ref.optional) return found
  if (!values) throw new ConfigError(`${kind} "${name}" not found`)
  throw new ConfigError(`couldn't find key ${ref.key} in ${kind} ${pod.metadata.namespace}/${name}`)
}

/** `$(NAME)` → the variable's value; what is not known stays, `$$` is `$`. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, escaped: string, name: string | undefined) =>
    escaped === '$' ? '$' : (env.get(name ?? '') ?? whole),
  )
}

/** The Downward API's fields. */
export function fieldOf(pod: Pod, path: string, facts: PodFacts): string {
  const { metadata, spec } = pod
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (subscript) return metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] ?? ''] ?? ''
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': pairs(metadata.labels),
    'metadata.annotations': pairs(metadata.annotations),
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName ?? 'default',
    'status.hostIP': facts.hostIP,
    'status.hostIPs': facts.hostIP,
    'status.podIP': facts.podIP,
    'status.podIPs': facts.podIP,
  }
  const value = fields[path]
  if (value === undefined) throw new ConfigError(`fieldPath "${path}" not supported`)
  return value
}

function pairs(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join('\n')
}

/** A container's limit or request, in units of the divisor, rounded up. */
export function resourceOf(
  pod: Pod,
  container: Container,
  ref: NonNullable<DownwardItem['resourceFieldRef']>,
  facts: PodFacts,
): string {
  const named = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  const owner = ref.containerName === undefined ? container : named.find((c) => c.name === ref.containerName)
  const [kind = '', ...rest] = ref.resource.split('.')
  const resource = rest.join('.')
  const set = owner?.resources?.[kind as 'limits' | 'requests']?.[resource]
  const capacity = { cpu: facts.cpus, memory: facts.memoryBytes }[resource] ?? 0
  const value = set === undefined ? (kind === 'limits' ? capacity : 0) : quantity(set)
  const divisor = ref.divisor === undefined ? 1 : quantity(ref.divisor) || 1
  return String(Math.ceil(value / divisor))
}

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
}

/** Number of a Kubernetes quantity (`250m`, `64Mi`); NaN if it is none. */
export function quantity(value: string | number): number {
  const [, number = '', unit = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(value)) ?? []
  return Number(number || Number.NaN) * (units[unit] ?? Number.NaN)
}
