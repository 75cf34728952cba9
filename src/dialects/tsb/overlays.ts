// Overlays of install kinds: patches by path, as their operator applies them.
import { asList, asMap, asText, at } from '../shared/index.ts'

export interface OverlayPatch {
  /** `a.b[0].c`, `[name:foo]` for the item of that name, `[-1]` to append. */
  readonly path: string
  readonly value: unknown
}

export interface Overlay {
  readonly kind: string
  readonly name: string
  readonly patches: readonly OverlayPatch[]
}

export function overlaysOf(kubeSpec: unknown): Overlay[] {
  return asList(at(kubeSpec, 'overlays')).map((overlay) => ({
    kind: asText(at(overlay, 'kind')),
    name: asText(at(overlay, 'name')),
    patches: asList(at(overlay, 'patches')).map((patch) => ({
      path: asText(at(patch, 'path')),
      value: at(patch, 'value'),
    })),
  }))
}

/** A copy of the value with a patch applied. */
export function patched(value: unknown, { path, value: given }: OverlayPatch): unknown {
  return set(value, segmentsOf(path), given)
}

/** Names, and what stands in brackets as `[…]`; a dot with a backslash before it belongs to a name. */
function segmentsOf(path: string): string[] {
  return [...path.matchAll(/(?:\\\.|[^.[\]])+|\[[^\]]*\]/g)].map(([segment]) => segment.replaceAll('\\.', '.'))
}

function set(value: unknown, [segment, ...rest]: readonly string[], given: unknown): unknown {
  if (segment === undefined) return given
  if (!segment.startsWith('[')) {
    const map = asMap(value)
    return { ...map, [segment]: set(map[segment], rest, given) }
  }
  const items = [...asList(value)]
  const at = indexIn(items, segment.slice(1, -1))
  items[at] = set(items[at], rest, given)
  return items
}

function indexIn(items: readonly unknown[], text: string): number {
  const [key, ...name] = text.split(':')
  if (name.length > 0) {
    const found = items.findIndex((item) => asText(asMap(item)[key ?? '']) === name.join(':'))
    return found < 0 ? items.length : found
  }
  const index = Number(text)
  return Number.isInteger(index) && index >= 0 && index < items.length ? index : items.length
}
