/** An image reference, taken apart. */
export interface ImageName {
  /** Path without registry, as in `istio/proxyv2`. */
  readonly repository: string
  /** Empty if there is none. */
  readonly tag: string
}

/** Takes a reference apart: `docker.io/istio/proxyv2:1.20@sha256:…` → istio/proxyv2, 1.20. */
export function parseImageName(reference: string): ImageName {
  const [named = ''] = reference.split('@')
  const slash = named.lastIndexOf('/')
  const colon = named.indexOf(':', slash + 1)
  const path = colon < 0 ? named : named.slice(0, colon)
  const parts = path.split('/')
  const [first = ''] = parts
  const hasRegistry = parts.length > 1 && (first.includes('.') || first.includes(':') || first === 'localhost')
  return {
    repository: (hasRegistry ? parts.slice(1) : parts).join('/'),
    tag: colon < 0 ? '' : named.slice(colon + 1),
  }
}

/** Whether a repository is, or ends in, the path components of `name`, under whichever registry and folders. */
export function isNamed(repository: string, name: string): boolean {
  return repository === name || repository.endsWith(`/${name}`)
}
