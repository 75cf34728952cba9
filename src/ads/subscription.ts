// What one stream wants of one type, what it has, and what it has yet to be told.
import { lossOf } from './chunk.ts'
import type { Layer } from './held.ts'
import { Holding, heldAmong } from './holding.ts'
import type { References } from './references.ts'
import { halves, mentions } from './refused-parts.ts'
import type { EncodedResource, ProxyResources, ResourceList, ResourceVersion } from './resource.ts'
import { noteScan, recallScan } from './scans.ts'
import type { Refusal, Sent } from './sent.ts'
import { isFullState, typeUrls } from './types.ts'
import { Wanted } from './wanted.ts'

/** Lists of this length and more are scanned, not copied. */
const longList = 64

/** A list of more names than this is not taken for a client's own. */
const mostOwn = 64

/** A long list of names to be looked at. */
interface Scan {
  readonly names: readonly string[]
  next: number
  /** The list of the source that it is about, if the client has none of the names: such clients are sent the same. */
  list: ResourceList | undefined
}

const nothingSent: readonly Sent[] = []

export class Subscription {
  readonly typeUrl: string
  /** Whether each response holds everything (state of the world, clusters and listeners). */
  readonly fullState: boolean
  wildcard = false
  /** Names asked for one by one. */
  readonly wanted = new Wanted()
  /** What the client has, as far as it was sent. An EncodedResource where this stream sent it. */
  held = Holding.nothing
  /** Names whose newest state has yet to be compared with `held`. */
  readonly pending = new Set<string>()
  /** Long lists of names to be looked at like `pending`, and how far they are. */
  readonly scans: Scan[] = []
  /** Names to be sent even if the client has them. */
  readonly forced = new Set<string>()
  /** Names that the client has and that exist no more; told after everything new. */
  readonly gone = new Set<string>()
  /** Every name has to be compared. */
  compareAll = false
  /** The client waits for an answer, be it empty. */
  answerDue = false
  /** Whether any response of this type was sent on this stream. */
  answered = false
  /** Parts of a refused response, to be tried apart so that one bad resource does not stop the good ones. */
  readonly retries: string[][] = []
  readonly refused = new Map<string, Refusal>()
  /** Responses that the client has not answered yet, in the order in which they were sent. */
  sent: readonly Sent[] = nothingSent
  /** Of the names of the latest request (state of the world). */
  namesKey = ''
  lastNonce = ''
  ackedNonce = ''
  lastSentAt = 0
  ackedAt = 0
  /** Detail of the latest refusal, until the client accepts again. */
  error: string | undefined
  /** A refused resource became again what the client has. */
  private takenBack = false

  private readonly references: References

  constructor(typeUrl: string, protocol: 'sotw' | 'delta', references: References) {
    this.typeUrl = typeUrl
    this.references = references
    this.fullState = protocol === 'sotw' && isFullState(typeUrl)
  }

  /** Takes up names; their present state will be sent, even if the server thinks that the client has it. */
  want(names: readonly string[], resources: ProxyResources): void {
    if (names.length === 0) return
    const order = this.wanted.add(names)
    const known = heldAmong(this.held, order)
    for (const name of known) this.forced.add(name)
    const isNew = known.length === 0
    if (order.length < longList) for (const name of order) this.pending.add(name)
    else {
      const lists = isNew && !this.wildcard ? resources.lists(this.typeUrl) : []
      this.scans.push({ names: order, next: 0, list: lists.length === 1 ? lists[0] : undefined })
    }
  }

  /** Takes up what the client has from an earlier stream: it is compared, not sent again. */
  resume(held: Holding): void {
    this.held = held
    if (held.size > 0) for (const scan of this.scans) scan.list = undefined
  }

  /** Drops names. The client forgets them, so that nothing more is said of them. */
  unwant(names: readonly string[]): void {
    for (const name of names) {
      this.wanted.delete(name)
      this.forced.delete(name)
      this.pending.delete(name)
      this.gone.delete(name)
      this.refused.delete(name)
    }
    this.lose(names)
  }

  /** Notes that the client has these no more. */
  lose(names: readonly string[]): void {
    this.references.drop(this.typeUrl, names)
    const held = names.filter((name) => this.held.has(name))
    if (held.length > 0) this.held = this.held.with(lossOf(held))
  }

  subscribeAll(): void {
    this.wildcard = true
    this.compareAll = true
    this.answerDue = true
  }

  /** Notes that names may have changed; those that the client did not ask for are passed over when they are looked at. */
  changed(names: Iterable<string>): void {
    for (const name of names) {
      if (this.wildcard || this.wanted.has(name)) this.pending.add(name)
    }
  }

  /** The resource that the client is to have under this name now. */
  current(resources: ProxyResources, name: string): EncodedResource | undefined {
    return this.includes(resources, name) ? resources.get(this.typeUrl, name) : undefined
  }

  private includes(resources: ProxyResources, name: string): boolean {
    if (this.wanted.has(name)) return true
    return this.wildcard && (resources.includes(this.typeUrl, name) || this.isReferred(name))
  }

  /** Whether it belongs to a wildcard subscription of clusters since something else that the client has leads to it. */
  private isReferred(name: string): boolean {
    return this.typeUrl === typeUrls.cluster && this.references.has(name)
  }

  /** All names that the client is to have, in the order of the source. */
  names(resources: ProxyResources): Iterable<string> {
    const all = new Set<string>()
    if (this.wildcard) {
      for (const { names } of resources.lists(this.typeUrl)) for (const name of names) all.add(name)
      if (this.typeUrl === typeUrls.cluster) for (const name of this.references) all.add(name)
    }
    for (const name of this.wanted) all.add(name)
    return all
  }

  /**
   * Takes what is to be sent out of `pending`, until about `limit` bytes are together; what exists no more goes to
   * `gone`. Parts of a refused response come first, each by itself.
   */
  takeUpserts(resources: ProxyResources, limit: number): readonly EncodedResource[] {
    // What is on trial in a full state is seen by the answer to that alone.
    if (this.fullState && this.retries.length > 0 && this.sent.length > 0) return []
    for (let group = this.retries.shift(); group; group = this.retries.shift()) {
      const again = new Set(group)
      const taken = this.takeFrom(again, resources, limit)
      if (again.size > 0) this.retries.unshift([...again])
      if (taken.length > 0) return taken
    }
    if (this.compareAll) this.scanAll(resources)
    const taken = this.takeFrom(this.pending, resources, limit)
    if (this.fullState) return [...taken, ...this.restOfScans(resources)]
    return taken.length > 0 ? taken : this.takeFromScans(resources, limit)
  }

  private *restOfScans(resources: ProxyResources): Iterable<EncodedResource> {
    while (this.scans.length > 0) yield* this.takeFromScans(resources, Infinity)
  }

  private scanAll(resources: ProxyResources): void {
    this.compareAll = false
    this.scans.length = 0
    if (this.wildcard) {
      for (const list of resources.lists(this.typeUrl)) {
        this.scans.push({ names: list.names, next: 0, list: this.held.size === 0 ? list : undefined })
      }
    }
    for (const name of this.wanted) this.pending.add(name)
    if (this.wildcard && this.typeUrl === typeUrls.cluster) for (const name of this.references) this.pending.add(name)
    if (this.held.size > 0) for (const name of this.held.entries().keys()) this.pending.add(name)
  }

  private takeFromScans(resources: ProxyResources, limit: number): readonly EncodedResource[] {
    for (let scan = this.scans[0]; scan; scan = this.scans[0]) {
      const taken = this.takeFromScan(scan, resources, limit)
      if (scan.next >= scan.names.length) this.scans.shift()
      if (taken.length > 0) return taken
    }
    return []
  }

  private takeFromScan(scan: Scan, resources: ProxyResources, limit: number): readonly EncodedResource[] {
    const { names, next: start, list } = scan
    // All who begin with nothing are sent the same: it is looked up once. Not by who is shown another list since.
    const isCommon =
      list !== undefined &&
      this.refused.size + this.forced.size + this.gone.size === 0 &&
      resources.lists(this.typeUrl).includes(list)
    const known = isCommon ? recallScan(names, list, start) : undefined
    if (known) {
      scan.next = known.next
      return known.taken
    }
    const taken: EncodedResource[] = []
    let size = 0
    for (; scan.next < names.length && size < limit; scan.next++) {
      const resource = this.due(names[scan.next] ?? '', resources)
      if (!resource) continue
      taken.push(resource)
      size += resource.size
    }
    if (isCommon && taken.length === scan.next - start) noteScan(names, list, start, { taken, next: scan.next })
    return taken
  }

  private takeFrom(names: Set<string>, resources: ProxyResources, limit: number): EncodedResource[] {
    const taken: EncodedResource[] = []
    let size = 0
    for (const name of names) {
      if (size >= limit) break
      names.delete(name)
      const resource = this.due(name, resources)
      if (!resource) continue
      taken.push(resource)
      size += resource.size
    }
    return taken
  }

  /** What is to be sent of a name now, if anything; what exists no more is noted. */
  private due(name: string, resources: ProxyResources): EncodedResource | undefined {
    const resource = this.current(resources, name)
    if (!resource) {
      if (this.wanted.has(name) || this.held.has(name)) this.gone.add(name)
      return undefined
    }
    if (this.gone.size > 0) this.gone.delete(name)
    if (this.refused.size > 0 && this.refused.get(name)?.version === resource.version) return undefined
    if (this.held.get(name)?.version !== resource.version) return resource
    // What the client has is right again; there is nothing to send, and so nothing that it could accept.
    if (this.refused.size > 0 && this.refused.delete(name)) this.takenBack = true
    return this.forced.has(name) ? resource : undefined
  }

  /** Whether the last refusal has just come to nothing because what was refused was taken back; told once. */
  endRefusal(): boolean {
    if (!this.takenBack || this.refused.size + this.retries.length + this.sent.length > 0) return false
    this.takenBack = false
    this.error = undefined
    return true
  }

  /** Names that are gone for good, to be told to the client now. */
  takeGone(resources: ProxyResources): string[] {
    const names = [...this.gone].filter((name) => !this.current(resources, name))
    this.gone.clear()
    return names
  }

  /** Books a response as sent: what it gives, and what it takes away. */
  noteSent(nonce: string, layer: Layer, now: number, resources: ProxyResources): void {
    this.sent = [...this.sent, { nonce, layer, before: this.held, at: now }]
    this.held = this.held.with(layer, this.ownAmong(layer, resources))
    if (this.forced.size > 0) for (const name of layer.keys()) this.forced.delete(name)
    if (this.references.size > 0)
      for (const [name, resource] of layer) if (!resource) this.references.drop(this.typeUrl, [name])
    this.lastNonce = nonce
    this.lastSentAt = now
    this.answered = true
    this.answerDue = false
  }

  /** What this client alone is given, until that is known of it: later states are known by their names. */
  private ownAmong(layer: Layer, resources: ProxyResources): ReadonlySet<string> | undefined {
    if (!this.wildcard || layer.size === 0 || this.held.own.size > 0) return undefined
    const names = ownNames(resources, this.typeUrl)
    return names.length === 0 || names.length > mostOwn ? undefined : new Set(names)
  }

  /** The client has taken the response of this nonce, and all before it. */
  accept(nonce: string, now: number): Sent | undefined {
    const at = this.sent.findIndex((sent) => sent.nonce === nonce)
    const sent = this.sent[at]
    if (!sent) return undefined
    this.ackedNonce = nonce
    this.ackedAt = now
    this.sent = at === this.sent.length - 1 ? nothingSent : this.sent.slice(at + 1)
    // A resource that was refused and has changed since is good again.
    if (this.refused.size > 0) for (const name of sent.layer.keys()) this.refused.delete(name)
    // Parts of a refused response may still be on their way.
    if (this.refused.size + this.retries.length + this.sent.length === 0) this.error = undefined
    return sent
  }

  /**
   * The client has refused the response of this nonce: it has what it had before. A response of several resources is
   * tried again in parts, those that the client's message names apart from the rest; a single one is given up until
   * it changes. Returns the names that were given up.
   */
  refuse(nonce: string, detail: string): readonly string[] {
    const sent = this.sent.find((each) => each.nonce === nonce)
    this.error = detail
    if (!sent) return []
    const inFlight = this.sent.filter((each) => each !== sent)
    // A later full state holds what was refused just now, too.
    this.sent = this.fullState ? inFlight.map((each) => ({ ...each, isDoubtful: true })) : inFlight
    const given = new Map<string, ResourceVersion>()
    for (const [name, resource] of sent.layer) if (resource) given.set(name, resource)
    const names = [...given.keys()]
    this.held = this.held.with(new Map(names.map((name) => [name, sent.before.get(name)])))
    const named = names.filter((name) => mentions(detail, name))
    // A full state is sent again with the bad ones as the client has them.
    if (this.fullState && named.length > 0) return this.giveUp(named, given, detail)
    if (names.length === 1 && sent.isDoubtful !== true) return this.giveUp(names, given, detail)
    const rest = named.length > 0 && named.length < names.length ? names.filter((name) => !named.includes(name)) : []
    const parts = rest.length > 0 ? [rest, named] : halves(names)
    for (const part of parts) if (part.length > 0) this.retries.push(part)
    return []
  }

  private giveUp(
    names: readonly string[],
    given: ReadonlyMap<string, ResourceVersion>,
    detail: string,
  ): readonly string[] {
    for (const name of names) {
      const resource = given.get(name)
      if (resource) this.refused.set(name, { version: resource.version, resource, detail })
    }
    if (this.fullState) this.compareAll = true
    return names
  }

  /** Whether the client has acknowledged the newest state of a resource, or has not asked for it. */
  hasTaken(resources: ProxyResources, name: string): boolean {
    if (!this.wanted.has(name)) return true
    if (this.held.get(name)?.version !== this.current(resources, name)?.version) return false
    return this.sent.every(({ layer }) => !layer.has(name))
  }

  /** Whether something may have to be said. */
  get hasWork(): boolean {
    return this.answerDue || this.takenBack || !this.settled
  }

  /** Whether the client waits for nothing, as far as it was told. */
  get settled(): boolean {
    return (
      this.pending.size === 0 &&
      this.scans.length === 0 &&
      !this.compareAll &&
      this.retries.length === 0 &&
      this.gone.size === 0
    )
  }
}

/** Names of one type that one proxy alone is given. */
export function ownNames(resources: ProxyResources, typeUrl: string): readonly string[] {
  return resources.lists(typeUrl).flatMap((list) => (list.isOwn === true ? list.names : []))
}
