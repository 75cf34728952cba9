// Names and addresses for the DNS server of Istio's agent: one resource, of which agents ask for no name.
import { NameTableSchema } from '#gen/dns/v1/nds_pb.js'
import { typeUrls } from '../../ads/index.ts'
import { type NamesScope, nameTable } from '../../backends/envoy/index.ts'
import { type Proxy, scopeOf, viewOf } from '../../mesh/index.ts'
import type { Backend, Key } from './backend.ts'
import { encodeResource } from './encode.ts'

export type NameTableKey = Key & { readonly kind: 'name-table'; readonly scope: NamesScope }

const name = 'names'

export const nameTables: Backend<Proxy, NameTableKey, NameTableKey> = {
  lists: (world, proxy) => {
    const scope = scopeOf(world, proxy)
    const { cluster, network, autoAddresses, ipFamilies, view } = scope
    const text = `names ${JSON.stringify([cluster, network, autoAddresses, ipFamilies])} ${viewOf.keyOf(view)}`
    return [{ kind: 'name-table', text, scope }]
  },
  list: (_world, key) => [{ name, key }],
  make: (world, { scope }) =>
    encodeResource(NameTableSchema, typeUrls.nameTable, name, { resource: nameTable(world, scope), origin: [] }),
}
