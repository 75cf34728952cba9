import { domainSuffix } from './cluster-settings.ts'

const kubernetesSuffix = `.svc.${domainSuffix}`

/** Hostname of a Kubernetes Service. */
export function serviceHost(name: string, namespace: string): string {
  return `${name}.${namespace}${kubernetesSuffix}`
}

/** Name and namespace of a Kubernetes Service's hostname; undefined for any other host. */
export function parseKubernetesHost(host: string): { name: string; namespace: string } | undefined {
  if (!host.endsWith(kubernetesSuffix)) return undefined
  const parts = host.slice(0, -kubernetesSuffix.length).split('.')
  const [name, namespace] = parts
  return parts.length === 2 && name && namespace ? { name, namespace } : undefined
}

/** A host as objects refer to it: a name without a dot is a Service of the object's namespace. */
export function resolveHost(host: string, namespace: string): string {
  return host.includes('.') || host === '*' || host === '' ? host : serviceHost(host, namespace)
}

/** `name.namespace` and `name.namespace.svc` made whole; anything else as it is. */
export function kubernetesHost(host: string): string {
  const parts = host.split('.')
  if (parts.length === 2) return serviceHost(parts[0] ?? '', parts[1] ?? '')
  if (parts.length === 3 && parts[2] === 'svc') return serviceHost(parts[0] ?? '', parts[1] ?? '')
  return host
}

export function isWildcard(host: string): boolean {
  return host.startsWith('*')
}

/** Whether two hosts, either of which may be a wildcard, have a name in common. */
export function hostsOverlap(a: string, b: string): boolean {
  if (isWildcard(a)) {
    if (isWildcard(b)) return a.length < b.length ? b.endsWith(a.slice(1)) : a.endsWith(b.slice(1))
    return b.endsWith(a.slice(1))
  }
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b
}

/** Whether every name of `inner` is also one of `outer`. */
export function hostCovers(outer: string, inner: string): boolean {
  return isWildcard(outer) ? inner.endsWith(outer.slice(1)) && inner.length >= outer.length - 1 : outer === inner
}

/** The wildcards that cover a host, most specific first: `*.b.c`, `*.c`, `*`. */
export function coveringWildcards(host: string): string[] {
  const parts = (isWildcard(host) ? host.slice(host.indexOf('.') + 1) : host).split('.')
  const found: string[] = isWildcard(host) ? [host] : []
  for (let at = isWildcard(host) ? 0 : 1; at < parts.length; at++) {
    const wildcard = `*.${parts.slice(at).join('.')}`
    if (wildcard !== host) found.push(wildcard)
  }
  return host === '*' ? ['*'] : [...found, '*']
}
