// What a command line says of kinds and places: `ws NAME --tenant t`.
import type { Command } from 'commander'
import type { Query } from '../../management/index.ts'
import {
  type ApiKind,
  apiKinds,
  apiKindsNamed,
  type GroupType,
  groupTypes,
  parseFqn,
} from '../../resources/tsb/index.ts'
import { UsageError } from './errors.ts'
import type { Session } from './session.ts'

/** Flags that say where in the hierarchy. */
export interface ScopeOptions {
  readonly org?: string
  readonly tenant?: string
  readonly workspace?: string
  readonly group?: string
  readonly trafficgroup?: string
  readonly securitygroup?: string
  readonly gatewaygroup?: string
  readonly istiointernalgroup?: string
}

export function withScope(command: Command): Command {
  return command
    .option('--org <name>', 'organization; without: that of the profile, else any')
    .option('--tenant <name>', 'tenant; without: that of the profile, else any')
    .option('-w, --workspace <name>', 'workspace')
    .option('-g, --group <name>', 'group of any sort')
    .option('-t, --trafficgroup <name>', 'traffic group')
    .option('-s, --securitygroup <name>', 'security group')
    .option('-l, --gatewaygroup <name>', 'gateway group')
    .option('-i, --istiointernalgroup <name>', 'Istio-internal group')
}

const flagOf: Readonly<Record<GroupType, keyof ScopeOptions>> = {
  trafficGroup: 'trafficgroup',
  securityGroup: 'securitygroup',
  gatewayGroup: 'gatewaygroup',
  istioInternalGroup: 'istiointernalgroup',
}

/** The kinds that a word means. Throws UsageError that says what words there are. */
export function kindsNamed(word: string): ApiKind[] {
  const found = apiKindsNamed(word)
  if (found.length > 0) return found
  const known = [...new Set(apiKinds.map(({ kind, aliases }) => aliases[0] ?? kind.toLowerCase()))].sort()
  const group = word.toLowerCase() === 'group' ? ' (groups: tg, gg, sg, iig)' : ''
  throw new UsageError(`there is no kind ${JSON.stringify(word)}${group}; known: ${known.join(', ')}`)
}

/** What is asked for: objects of a kind, perhaps of a name, in a place. A full name can stand for the name. */
export function queryOf(word: string, name: string | undefined, options: ScopeOptions, session: Session): Query {
  const kinds = kindsNamed(word)
  if (name !== undefined && name.startsWith('organizations/')) {
    const named = parseFqn(name)
    if (named === undefined) throw new UsageError(`${name} names nothing`)
    return { kinds, fqn: name }
  }
  const given = groupTypes.filter((type) => options[flagOf[type]] !== undefined)
  const within = given.length === 0 ? kinds : kinds.filter(({ parent }) => (given as string[]).includes(parent))
  const [type] = given
  const group = options.group ?? (type === undefined ? '' : (options[flagOf[type]] ?? ''))
  const place = {
    organization: options.org ?? session.org,
    tenant: options.tenant ?? session.tenant,
    workspace: options.workspace ?? '',
    group,
  }
  return { kinds: within, identity: onlyAbove(within, place, name ?? '') }
}

type Place = Record<'organization' | 'tenant' | 'workspace' | 'group', string>

/** Of the place, what is above the kind; bindings are named by what they are for. */
function onlyAbove(kinds: readonly ApiKind[], place: Place, name: string): Place & { name: string } {
  const [kind] = kinds
  const depth = { '': 0, organization: 1, tenant: 2, workspace: 3 }[kind?.parent as string] ?? 4
  const levels = ['organization', 'tenant', 'workspace', 'group'] as const
  const above = Object.fromEntries(levels.map((level, i) => [level, i < depth ? place[level] : ''])) as Place
  if (kind?.bindingsOf === undefined || kind.bindingsOf === 'any') return { ...above, name }
  const last = levels[depth - 1] ?? 'organization'
  return { ...above, [last]: name || above[last], name: '' }
}
