import { formatIp, parseCidr, parseIp } from '../../../discovery/index.ts'
import { sameStructure } from '../../../lib/index.ts'

/** Where a TCP proxy leads. */
export interface TcpTarget {
  readonly kind: 'tcp'
  readonly statPrefix: string
  /** More than one: split by weight. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[]
  /** Key of the DestinationRule whose settings hold; '' = none. */
  readonly rule: string
  readonly subset: string
  /** Whether a caller's address always leads to the same endpoint, where the rule chooses nothing else. */
  readonly sticky: boolean
  /** `/apis/…` path of the routing rule, where there is one. */
  readonly config: string | undefined
  /** Wildcard host whose names are resolved from the TLS hello, and the port to dial. */
  readonly dynamic: { readonly host: string; readonly port: number } | undefined
}

/** A filter chain: for which connections, and what is done with them. */
export interface ChainPlan {
  /** Server names of TLS; empty or `*` = any. */
  readonly sni: readonly string[]
  /** Addresses or ranges that were dialled; empty = any. */
  readonly ranges: readonly string[]
  /** Only connections that begin like plain HTTP. */
  readonly http: boolean
  readonly target: TcpTarget | { readonly kind: 'http'; readonly routes: string; readonly dynamic: string | undefined }
}

export function isMatchAll({ sni, ranges, http }: ChainPlan): boolean {
  return !http && ranges.length === 0 && (sni.length === 0 || sni.includes('*'))
}

/** Adds chains, but for those that another one before them leaves nothing: Envoy refuses two that match the same. */
export function mergeChains(known: readonly ChainPlan[], added: readonly ChainPlan[]): ChainPlan[] {
  const merged = [...known]
  for (const chain of added) if (!merged.some((each) => sameMatch(each, chain))) merged.push(chain)
  return merged
}

function sameMatch(a: ChainPlan, b: ChainPlan): boolean {
  return sameStructure(matchOf(a), matchOf(b))
}

function matchOf({ sni, ranges, http }: ChainPlan): unknown {
  return [[...sni].filter((name) => name !== '*').sort(), ranges.map(maskedRange).sort(), http]
}

/** A range with its host bits cleared; an address as a range of one. */
function maskedRange(text: string): string {
  const range = parseRange(text)
  return range ? `${range.address}/${range.length}` : text
}

/** The prefix of an address or range; undefined if it is neither. */
export function parseRange(text: string): { address: string; length: number } | undefined {
  const range = parseCidr(text)
  if (range) return { address: formatIp(range), length: range.length }
  const single = parseIp(text)
  return single && { address: formatIp(single), length: single.bits }
}
