import type { RouteShape, VirtualRule } from './model.ts'

/** Everywhere that routes lead to, mirrors included, each once. */
export function destinationsOf({
  http,
  tls,
  tcp,
}: Pick<VirtualRule, 'http' | 'tls' | 'tcp'>): RouteShape['destinations'] {
  const found = new Map<string, RouteShape['destinations'][number]>()
  const add = (
    destination: { host?: string; port?: { number?: number } } | undefined,
    sourceNamespaces: readonly string[],
  ): void => {
    if (!destination?.host) return
    const [host, port] = [destination.host, destination.port?.number ?? 0]
    for (const sourceNamespace of sourceNamespaces)
      found.set(`${host}|${port}|${sourceNamespace}`, { host, port, sourceNamespace })
  }
  for (const { match, route, mirror, mirrors } of http) {
    const sources = sourcesOf(match)
    for (const { destination } of [...(route ?? []), ...(mirrors ?? [])]) add(destination, sources)
    add(mirror, sources)
  }
  for (const { match, route } of [...tls, ...tcp])
    for (const { destination } of route ?? []) add(destination, sourcesOf(match))
  return [...found.values()]
}

/** Namespaces whose clients a route is for; '' = any. */
function sourcesOf(match: readonly { sourceNamespace?: string }[] | undefined): string[] {
  if (!match || match.length === 0) return ['']
  return [...new Set(match.map(({ sourceNamespace }) => sourceNamespace ?? ''))]
}

/** Names of labels of the caller that any match asks for, sorted. */
export function sourceLabelsOf({ http, tls, tcp }: Pick<VirtualRule, 'http' | 'tls' | 'tcp'>): string[] {
  const matches: readonly { sourceLabels?: Readonly<Record<string, string>> }[] = [
    ...http.flatMap(({ match }) => match ?? []),
    ...tls.flatMap(({ match }) => match ?? []),
    ...tcp.flatMap(({ match }) => match ?? []),
  ]
  return [...new Set(matches.flatMap(({ sourceLabels }) => Object.keys(sourceLabels ?? {})))].sort()
}
