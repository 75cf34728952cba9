import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from '#gen/envoy/config/core/v3/base_pb.js'
import { compareText } from '../../../lib/index.ts'
import type { Headers } from '../../../mesh/index.ts'
import type { Init } from '../proto.ts'

export interface HeaderChanges {
  readonly requestHeadersToAdd: Init<typeof HeaderValueOptionSchema>[]
  readonly requestHeadersToRemove: string[]
  readonly responseHeadersToAdd: Init<typeof HeaderValueOptionSchema>[]
  readonly responseHeadersToRemove: string[]
  /** The host that the request is to name; no header of its own in Envoy. */
  readonly authority: string
}

/** What is done to headers. `set` replaces, `add` appends, each in the order of names. */
export function headerChanges(headers: Headers | undefined): HeaderChanges {
  const { request, response } = headers ?? {}
  return {
    requestHeadersToAdd: [...options(request?.set, 'set'), ...options(request?.add, 'add')],
    requestHeadersToRemove: (request?.remove ?? []).filter((name) => !isInternal(name)),
    responseHeadersToAdd: [...options(response?.set, 'set'), ...options(response?.add, 'add')],
    responseHeadersToRemove: (response?.remove ?? []).filter((name) => !isInternal(name)),
    authority: authorityOf(request?.set) ?? authorityOf(request?.add) ?? '',
  }
}

function authorityOf(headers: Record<string, string> | undefined): string | undefined {
  return Object.entries(headers ?? {}).findLast(([name]) => ['host', ':authority'].includes(name.toLowerCase()))?.[1]
}

/** Envoy keeps these to itself. */
function isInternal(name: string): boolean {
  return name.startsWith(':') || name.toLowerCase() === 'host'
}

function options(
  headers: Record<string, string> | undefined,
  how: 'set' | 'add',
): Init<typeof HeaderValueOptionSchema>[] {
  const appendAction =
    how === 'set'
      ? HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
      : HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD
  return Object.entries(headers ?? {})
    .filter(([name]) => !isInternal(name))
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => ({ header: { key, value }, appendAction }))
}
