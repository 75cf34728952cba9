// Patches of EnvoyFilters as they are applied.
import { clone, type DescMessage, isMessage, type Message, type MessageShape } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js'
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RouteSchema, VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { HttpFilterSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { textQuery, type World } from '../../../discovery/index.ts'
import { type EnvoyFilterMatch, type EnvoyFilterPatch, istioKinds, readEnvoyFilter } from '../../../mesh/index.ts'
import type { ObjectRef } from '../../../report/index.ts'
import { refOf } from '../../../resources/index.ts'
import type { ListMerge } from './merge.ts'
import { readPatchValue } from './value.ts'

/** What values of patches are, by what they apply to. */
export const patchSchemas = {
  LISTENER: ListenerSchema,
  LISTENER_FILTER: ListenerFilterSchema,
  FILTER_CHAIN: FilterChainSchema,
  NETWORK_FILTER: FilterSchema,
  HTTP_FILTER: HttpFilterSchema,
  ROUTE_CONFIGURATION: RouteConfigurationSchema,
  VIRTUAL_HOST: VirtualHostSchema,
  HTTP_ROUTE: RouteSchema,
  CLUSTER: ClusterSchema,
  EXTENSION_CONFIG: TypedExtensionConfigSchema,
} as const

export type ApplyTo = keyof typeof patchSchemas
export type PatchContext = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND' | 'GATEWAY'
export type Operation = Exclude<NonNullable<NonNullable<EnvoyFilterPatch['patch']>['operation']>, 'INVALID'>

export interface Patch<A extends ApplyTo = ApplyTo> {
  /** `namespace/name#index` */
  readonly id: string
  readonly applyTo: A
  readonly operation: Operation
  readonly match: EnvoyFilterMatch
  /** Absent for REMOVE. */
  readonly value: MessageShape<(typeof patchSchemas)[A]> | undefined
  readonly origin: ObjectRef
}

/** A patch by its id; undefined if it cannot be read, which is a problem of the object. */
export const patchById = textQuery('envoy/patch', (world, id): Patch | undefined => {
  const [, key = '', index = ''] = /^(.*)#(\d+)$/.exec(id) ?? []
  const object = world.object(world.primary, istioKinds.envoyFilter, key)
  if (object === undefined) return undefined
  const { configPatches = [] } = readEnvoyFilter(object, world.primary).sound
  const written = configPatches[Number(index)]
  return written && readPatch(id, written, refOf(world.primary, object))
})

function readPatch(
  id: string,
  { applyTo, match = {}, patch = {} }: EnvoyFilterPatch,
  origin: ObjectRef,
): Patch | undefined {
  const { operation = 'INVALID', value } = patch
  if (applyTo === undefined || !isApplyTo(applyTo) || operation === 'INVALID') return undefined
  const base = { id, applyTo, operation: inserted(operation, applyTo), match, origin }
  if (value === undefined) return operation === 'REMOVE' ? { ...base, value: undefined } : undefined
  const read = readPatchValue(patchSchemas[applyTo], value)
  // The schema of what it applies to made it.
  return read.message && { ...base, value: read.message as Patch['value'] }
}

export function isApplyTo(text: string): text is ApplyTo {
  return Object.hasOwn(patchSchemas, text)
}

const ordered: readonly ApplyTo[] = ['LISTENER_FILTER', 'NETWORK_FILTER', 'HTTP_FILTER', 'HTTP_ROUTE']

/** Where there is no order, to insert is to add. */
function inserted(operation: Operation, applyTo: ApplyTo): Operation {
  return operation.startsWith('INSERT_') && !ordered.includes(applyTo) ? 'ADD' : operation
}

/** The patches for one sort of resources of a proxy, and which of them found something to change. */
export class Patches {
  readonly context: PatchContext
  readonly #all: readonly Patch[]
  readonly #applied = new Set<Patch>()

  constructor(world: World, ids: readonly string[], context: PatchContext) {
    const all = ids.flatMap((id) => world.get(patchById, id) ?? [])
    this.context = context
    this.#all = all.filter(({ match: { context: wanted = 'ANY' } }) => wanted === 'ANY' || wanted === context)
  }

  /** Those for one kind of part, in order. */
  of<A extends ApplyTo>(applyTo: A): readonly Patch<A>[] {
    return this.#all.filter((patch): patch is Patch<A> => patch.applyTo === applyTo)
  }

  /** Whether there are any for these kinds of parts. */
  has(...kinds: readonly ApplyTo[]): boolean {
    return this.#all.some(({ applyTo }) => kinds.includes(applyTo))
  }

  /** A patch that names no context adds listeners and clusters once: not on the side of the program too. */
  adds<A extends ApplyTo>(patch: Patch<A>): boolean {
    return (patch.match.context ?? 'ANY') !== 'ANY' || this.context !== 'SIDECAR_INBOUND'
  }

  applied(patch: Patch): void {
    this.#applied.add(patch)
  }

  /** Ids of the patches that changed something. */
  get used(): readonly string[] {
    return [...this.#applied].map(({ id }) => id)
  }

  /** The objects of those patches. */
  get origin(): readonly ObjectRef[] {
    return [...new Set([...this.#applied].map(({ origin }) => origin))]
  }
}

/** A copy of a patch's value: what is made of it may be patched further. */
export function valueOf<A extends ApplyTo>({ applyTo, value }: Patch<A>): MessageShape<(typeof patchSchemas)[A]>[] {
  if (value === undefined) return []
  const schema: DescMessage = patchSchemas[applyTo]
  const copy: Message = clone(schema, value)
  return isMessage(copy, schema) ? [copy as MessageShape<(typeof patchSchemas)[A]>] : []
}

/** How lists are merged; undefined if the operation is no merge. */
export function mergeOf({ operation }: Patch): ListMerge | undefined {
  return operation === 'MERGE' ? 'append' : operation === 'MERGE_AND_REPLACE_LIST' ? 'replace' : undefined
}
