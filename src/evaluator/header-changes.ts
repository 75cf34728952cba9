// What routes do to headers. Source: Envoy's HeaderParser: at each level removals first, then what replaces, then what is
// added; the most specific level first (weighted cluster, route, virtual host, route configuration).
import { type HeaderValueOption, HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js'
import { HeaderLines } from './header-lines.ts'

/** One step: names to take away, or one value to set or add. */
export type HeaderChange =
  | { readonly remove: string }
  | { readonly set: string; readonly value: string }
  | { readonly add: string; readonly value: string }
  | { readonly setIfAbsent: string; readonly value: string }
  | { readonly setIfPresent: string; readonly value: string }

interface RequestLevel {
  readonly requestHeadersToAdd: readonly HeaderValueOption[]
  readonly requestHeadersToRemove: readonly string[]
}

interface ResponseLevel {
  readonly responseHeadersToAdd: readonly HeaderValueOption[]
  readonly responseHeadersToRemove: readonly string[]
}

export function requestChanges(levels: readonly (RequestLevel | undefined)[]): HeaderChange[] {
  return levels.flatMap((level) => (level ? changes(level.requestHeadersToAdd, level.requestHeadersToRemove) : []))
}

export function responseChanges(levels: readonly (ResponseLevel | undefined)[]): HeaderChange[] {
  return levels.flatMap((level) => (level ? changes(level.responseHeadersToAdd, level.responseHeadersToRemove) : []))
}

function changes(add: readonly HeaderValueOption[], remove: readonly string[]): HeaderChange[] {
  const made = add.flatMap(addition)
  const replaces = (step: HeaderChange): boolean => 'set' in step || 'setIfPresent' in step
  return [
    ...remove.map((name): HeaderChange => ({ remove: name.toLowerCase() })),
    ...made.filter(replaces),
    ...made.filter((step) => !replaces(step)),
  ]
}

export function addition({ header, append, appendAction }: HeaderValueOption): HeaderChange[] {
  if (!header) return []
  const name = header.key.toLowerCase()
  const { value } = header
  // The older field says the same in a flag.
  if (append !== undefined) return [append ? { add: name, value } : { set: name, value }]
  switch (appendAction) {
    case HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT:
      return [{ setIfAbsent: name, value }]
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD:
      return [{ set: name, value }]
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS:
      return [{ setIfPresent: name, value }]
    default:
      return [{ add: name, value }]
  }
}

/** Headers after the changes. */
export function applyChanges(headers: ReadonlyMap<string, string>, steps: readonly HeaderChange[]): HeaderLines {
  const result = headers instanceof HeaderLines ? headers.copy() : HeaderLines.of(headers)
  change(result, steps)
  return result
}

/** Changes the headers themselves. */
export function change(headers: HeaderLines, steps: readonly HeaderChange[]): void {
  for (const step of steps) {
    if ('remove' in step) headers.delete(step.remove)
    else if ('set' in step) headers.set(step.set, step.value)
    else if ('add' in step) headers.append(step.add, step.value)
    else if ('setIfAbsent' in step) {
      if (!headers.has(step.setIfAbsent)) headers.set(step.setIfAbsent, step.value)
    } else if (headers.has(step.setIfPresent)) headers.set(step.setIfPresent, step.value)
  }
}

export function describeChange(step: HeaderChange): string {
  if ('remove' in step) return `remove ${step.remove}`
  if ('set' in step) return `set ${step.set}: ${step.value}`
  if ('add' in step) return `add ${step.add}: ${step.value}`
  if ('setIfAbsent' in step) return `set ${step.setIfAbsent}: ${step.value} where absent`
  return `set ${step.setIfPresent}: ${step.value} where present`
}
