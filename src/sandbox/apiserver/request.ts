// A URL of the API → what it asks for.

export interface ResourcePath {
  readonly kind: 'resource'
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly name: string
  readonly subresource: string
  /** What follows the subresource, for proxies. */
  readonly rest: string
  /** `/api/v1/watch/…`, the old way to ask for a watch. */
  readonly watch: boolean
}

export interface OtherPath {
  readonly kind: 'other'
  readonly path: string
}

/** Subresources of namespaces themselves; any other word there is a resource inside the namespace. */
const namespaceSubresources = new Set(['status', 'finalize'])

export function parsePath(path: string): ResourcePath | OtherPath {
  const parts = path
    .split('/')
    .filter((p) => p !== '')
    .map(decode)
  const other: OtherPath = { kind: 'other', path }
  let group = ''
  let version: string
  let rest: string[]
  if (parts[0] === 'api' && parts.length >= 3) {
    version = parts[1] ?? ''
    rest = parts.slice(2)
  } else if (parts[0] === 'apis' && parts.length >= 4) {
    group = parts[1] ?? ''
    version = parts[2] ?? ''
    rest = parts.slice(3)
  } else return other
  const watch = rest[0] === 'watch' && rest.length > 1
  if (watch) rest = rest.slice(1)
  let namespace = ''
  if (rest[0] === 'namespaces' && rest.length >= 3 && !namespaceSubresources.has(rest[2] ?? '')) {
    namespace = rest[1] ?? ''
    rest = rest.slice(2)
  }
  const [resource = '', name = '', subresource = '', ...tail] = rest
  return { kind: 'resource', group, version, namespace, resource, name, subresource, rest: tail.join('/'), watch }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // Not percent-encoded after all; the name check will refuse it.
    return part
  }
}
