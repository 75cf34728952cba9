// Lists and resources of Envoy proxies. What a proxy sees is made once for all proxies that see the same, in steps that
// forget more and more of who asks:
//
//   proxy → scope → view → the clusters of that view (SpecList, equal ones are one) → one cluster or endpoint set
//
// so that a change costs what is made of the changed thing, however many proxies there are.
import { gatewayProblems } from '../../../backends/envoy/index.ts'
import { type Proxy, scopeOf } from '../../../mesh/index.ts'
import type { Backend } from '../backend.ts'
import type { EnvoyList, EnvoyResource } from './keys.ts'
import { list, lists } from './lists.ts'
import { make } from './resources.ts'

export type { EnvoyList, EnvoyResource } from './keys.ts'

/** What Envoy proxies are given. */
export const envoyBackend: Backend<Proxy, EnvoyList, EnvoyResource> = {
  lists,
  list,
  isOwn: ({ kind }) => kind === 'own' || kind === 'explicit-proxy',
  demanded: (key, name) => {
    const made = { text: `${key.text} ${name}`, name }
    switch (key.kind) {
      case 'demanded-hosts':
        return { ...made, kind: 'demanded-host', scope: key.scope }
      case 'demanded-clusters':
        return { ...made, kind: 'demanded-cluster', scope: key.scope }
      case 'demanded-endpoints':
        return { ...made, kind: 'demanded-endpoints', scope: key.scope }
      default:
        return undefined
    }
  },
  make,
  patches: (world, proxy) => Object.values(scopeOf(world, proxy).patches).flat(),
  problems: (world, proxy) => gatewayProblems(world, scopeOf(world, proxy)),
}
