// Names of the Istio objects of gateways.
import type { TsbKind } from '../objects.ts'
import { longHash } from '../written.ts'
import type { Server } from './servers.ts'

const short: Partial<Record<TsbKind, string>> = {
  Gateway: 'gwt',
  IngressGateway: 'ig',
  Tier1Gateway: 't1',
  EgressGateway: 'eg',
}

/** A Gateway's name is a label of DNS. */
const longest = 63

/** The name of a server's objects. Gateways of several kinds, groups and workspaces may have one name. */
export function serverName({ object: { kind, name, place }, name: server }: Server): string {
  const parts = [short[kind] ?? 'gw', place.tenant, place.workspace, place.group, name, server]
  const text = parts.filter((part) => part !== '').join('-')
  const plain = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  if (plain === text && plain.length <= longest) return plain
  const digest = longHash(text).slice(0, 8)
  return `${plain.slice(0, longest - digest.length - 1).replace(/-+$/, '')}-${digest}`
}
