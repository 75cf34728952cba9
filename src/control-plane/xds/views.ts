// What each connected proxy is given, kept up to date. Three memoised steps, of which each is watched once however many
// proxies share it:
//
//   proxy ──► lists of the proxy ──► list (names → keys) ──► resource (encoded)
//
// A change of any of them becomes the set of names, by type, that the proxy is told.
import { type ProxyResources, type ResourceChange, shortTypeName } from '../../ads/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Engine, Observed, Observer, Query } from '../../pipeline/index.ts'
import type { Problem } from '../../report/index.ts'
import type { Backend, Key } from './backend.ts'
import { Changes } from './changes.ts'
import { changedNames, ListChanges, NameLists } from './name-list.ts'
import { type UnusedPatch, unusedPatchProblem } from './proxy-problems.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import {
  givenOf,
  type ListKey,
  type ListView,
  type Names,
  type ProxyFacts,
  type ProxyKey,
  type ProxyView,
  type ResourceKey,
  type Watched,
} from './view-parts.ts'
import { type Removal, sameResource, XdsResource } from './xds-resource.ts'

/** Names that one list is asked for beyond its own: a program may call any number of hosts. */
const mostDemanded = 10_000

export class Views<P, L extends Key, R extends Key> {
  readonly #engine: Engine
  readonly #observer: Observer
  readonly #names = new NameLists<R, Watched<R>>()
  readonly #demanded: (list: L, name: string) => R | undefined
  readonly #listsOf: Query<ProxyKey<P>, readonly L[]>
  readonly #list: Query<ListKey<L>, Names<R>>
  readonly #factsOf: Query<ProxyKey<P>, ProxyFacts>
  readonly #problemsChanged: () => void
  readonly #resource: Query<ResourceKey<R>, XdsResource | Removal | undefined>
  readonly #listViews = new Map<string, ListView<L, R>>()
  /** Lists in use by what they are of, with the views that show them. */
  readonly #shown = new Map<string, Map<Names<R>, Set<ListView<L, R>>>>()
  readonly #resources = new Map<string, Watched<R>>()
  readonly #proxies = new Map<number, { view: ProxyView<L, R>; keys: ProxyKey<P>[] }>()
  #connections = 0

  /** `problemsChanged` is told when `problems` may have changed. */
  constructor(
    engine: Engine,
    worlds: TrackedWorlds,
    backend: Backend<P, L, R>,
    problemsChanged: () => void = () => undefined,
  ) {
    this.#engine = engine
    this.#demanded = (list, name) => backend.demanded?.(list, name)
    this.#problemsChanged = problemsChanged
    this.#factsOf = engine.define(
      'xds/facts-of-proxy',
      (read, { primary, proxy }): ProxyFacts => {
        const world = worlds.world(read, primary)
        return { patches: backend.patches?.(world, proxy) ?? [], problems: backend.problems?.(world, proxy) ?? [] }
      },
      { keyText: ({ id }) => `${id}`, equals: sameStructure },
    )
    this.#listsOf = engine.define(
      'xds/lists-of-proxy',
      (read, { primary, typeUrl, proxy }) => backend.lists(worlds.world(read, primary), proxy, typeUrl),
      {
        keyText: ({ id, typeUrl }) => `${id} ${typeUrl}`,
        equals: (a, b) => a.length === b.length && a.every((list, i) => list.text === b[i]?.text),
      },
    )
    this.#list = engine.define(
      'xds/list',
      (read, { primary, typeUrl, list }) =>
        this.#names.of(
          // Lists of what is asked for hold nothing at first, and are different all the same.
          `${primary} ${typeUrl} ${backend.demanded?.(list, '') ? list.text : ''}`,
          backend.list(worlds.world(read, primary), list),
          backend.isOwn?.(list) ?? false,
        ),
      { keyText: listText },
    )
    this.#resource = engine.define(
      'xds/resource',
      (read, { primary, resource }) => backend.make(worlds.world(read, primary), resource),
      { keyText: resourceText, equals: sameResource },
    )
    this.#observer = engine.observe((changes) => this.#rebuilt(changes))
  }

  /** How many lists and resources are watched. */
  get size(): number {
    return this.#listViews.size + this.#resources.size
  }

  /** Shows a proxy what it is to be given. `changed` is told after rebuilds; the names are a superset of what differs. */
  connect(
    primary: string,
    proxy: P,
    changed: (change: ResourceChange) => void,
  ): { resources: ProxyResources; close(): void } {
    const key: ProxyKey<P> = { id: ++this.#connections, primary, typeUrl: '', proxy }
    const facts = this.#observer.watch(this.#factsOf, key)
    if (tells(facts)) this.#problemsChanged()
    return this.#show(key, facts, changed)
  }

  /** As `connect`, of a proxy that is none: it tells nothing of objects, and is told of no change. */
  rehearse(primary: string, proxy: P): { resources: ProxyResources; close(): void } {
    const key: ProxyKey<P> = { id: ++this.#connections, primary, typeUrl: '', proxy }
    return this.#show(key, undefined, () => undefined)
  }

  #show(
    { id, primary, proxy }: ProxyKey<P>,
    facts: ProxyFacts | undefined,
    changed: (change: ResourceChange) => void,
  ): { resources: ProxyResources; close(): void } {
    const view: ProxyView<L, R> = { id, lists: new Map(), changed, primary, facts }
    const keys: ProxyKey<P>[] = []
    this.#proxies.set(id, { view, keys })
    const lists = (typeUrl: string): readonly ListView<L, R>[] => {
      const known = view.lists.get(typeUrl)
      if (known) return known
      const key = { id, primary, typeUrl, proxy }
      const made = this.#observer.watch(this.#listsOf, key).map((list) => this.#use({ primary, typeUrl, list }, view))
      keys.push(key)
      view.lists.set(typeUrl, made)
      return made
    }
    return { resources: this.#resourcesOf(lists), close: () => this.#close(view, keys, proxy) }
  }

  #resourcesOf(lists: (typeUrl: string) => readonly ListView<L, R>[]): ProxyResources {
    return {
      lists: (typeUrl) => lists(typeUrl).map(({ names }) => names),
      includes: (typeUrl, name) => lists(typeUrl).some(({ names }) => names.keys.has(name)),
      get: (typeUrl, name) => {
        for (const { key, names } of lists(typeUrl)) {
          const found = names.found.get(name)
          if (found) return givenOf(found)
          const resource = names.keys.get(name) ?? this.#demandedOf(key.list, names, name)
          if (resource) return givenOf(this.#watch(names, { primary: key.primary, typeUrl, name, resource }))
        }
        return undefined
      },
    }
  }

  #demandedOf(list: L, names: Names<R>, name: string): R | undefined {
    return names.found.size < mostDemanded ? this.#demanded(list, name) : undefined
  }

  /** The resource of a key; from now on it is watched, as long as a list has it. */
  #watch(names: Names<R>, key: ResourceKey<R>): Watched<R> {
    const text = resourceText(key)
    let watched = this.#resources.get(text)
    if (!watched) {
      watched = { key, made: this.#observer.watch(this.#resource, key) }
      this.#resources.set(text, watched)
      if (watched.made && watched.made.patches.length > 0) this.#problemsChanged()
    }
    names.found.set(key.name, watched)
    return watched
  }

  #use(key: ListKey<L>, user: ProxyView<L, R>): ListView<L, R> {
    const text = listText(key)
    let view = this.#listViews.get(text)
    if (!view) {
      view = { key, names: this.#observer.watch(this.#list, key), users: new Set() }
      this.#listViews.set(text, view)
      this.#showList(view)
    }
    view.users.add(user)
    return view
  }

  #disuse(view: ListView<L, R>, user: ProxyView<L, R>): void {
    view.users.delete(user)
    if (view.users.size > 0) return
    this.#listViews.delete(listText(view.key))
    this.#observer.unwatch(this.#list, view.key)
    this.#hide(view, view.names)
  }

  #shownLike(key: Kind): Map<Names<R>, Set<ListView<L, R>>> {
    const kind = kindText(key)
    const known = this.#shown.get(kind)
    if (known) return known
    const made = new Map<Names<R>, Set<ListView<L, R>>>()
    this.#shown.set(kind, made)
    return made
  }

  #showList(view: ListView<L, R>): void {
    const shown = this.#shownLike(view.key)
    const views = shown.get(view.names)
    if (views) views.add(view)
    else shown.set(view.names, new Set([view]))
  }

  /** Forgets what only this list had. */
  #hide(view: ListView<L, R>, names: Names<R>): void {
    const shown = this.#shownLike(view.key)
    const views = shown.get(names)
    views?.delete(view)
    if (!views || views.size > 0) return
    shown.delete(names)
    // From now on nobody hears of changes of its resources: what was noted of them is not to be believed any more.
    names.revision = {}
    const others = [...shown.keys()]
    for (const watched of names.found.values()) {
      const { key } = watched
      const heir = others.find((list) => list.keys.get(key.name)?.text === key.resource.text)
      if (heir) heir.found.set(key.name, watched)
      else {
        this.#resources.delete(resourceText(key))
        this.#observer.unwatch(this.#resource, key)
      }
    }
    names.found.clear()
  }

  #close(view: ProxyView<L, R>, keys: readonly ProxyKey<P>[], proxy: P): void {
    if (!this.#proxies.delete(view.id)) return
    if (view.facts) {
      this.#observer.unwatch(this.#factsOf, { id: view.id, primary: view.primary, typeUrl: '', proxy })
      if (tells(view.facts)) this.#problemsChanged()
    }
    for (const key of keys) this.#observer.unwatch(this.#listsOf, key)
    for (const lists of view.lists.values()) for (const list of lists) this.#disuse(list, view)
    view.lists.clear()
  }

  /** The engine has rebuilt: what changed becomes names, proxy by proxy. */
  #rebuilt(observed: readonly Observed[]): void {
    const changes = new Changes()
    const moves = new ListChanges()
    const resources: ResourceKey<R>[] = []
    for (const { query, key } of observed) {
      // The engine tells keys of the queries that this observer watches, and of no others.
      if (query.name === this.#factsOf.name) this.#factsChanged(key as ProxyKey<P>)
      else if (query.name === this.#resource.name) resources.push(key as ResourceKey<R>)
      else if (query.name === this.#list.name) this.#listChanged(key as ListKey<L>, changes)
      else this.#proxyChanged(key as ProxyKey<P>, changes, moves)
    }
    const byList = new Map<ListView<L, R>, string[]>()
    for (const key of resources) this.#resourceChanged(key, byList)
    for (const [list, names] of byList) changes.ofList(list, names)
    changes.tell()
  }

  #factsChanged(key: ProxyKey<P>): void {
    const proxy = this.#proxies.get(key.id)
    if (!proxy) return
    proxy.view.facts = this.#engine.get(this.#factsOf, key)
    this.#problemsChanged()
  }

  /** What connected proxies tell of objects: their own problems, and patches that change nothing that any was given. */
  problems(): Problem[] {
    const wanted = new Map<string, UnusedPatch>()
    const found: Problem[] = []
    const textOf = (cluster: string, id: string): string => `${cluster} ${id}`
    for (const { view } of this.#proxies.values()) {
      const { primary: cluster, facts } = view
      if (!facts) continue
      found.push(...facts.problems)
      for (const id of facts.patches) wanted.set(textOf(cluster, id), { cluster, id })
    }
    if (wanted.size > 0)
      for (const { key, made } of this.#resources.values())
        for (const id of made?.patches ?? []) wanted.delete(textOf(key.primary, id))
    return [...found, ...[...wanted.values()].map(unusedPatchProblem)]
  }

  #resourceChanged(key: ResourceKey<R>, byList: Map<ListView<L, R>, string[]>): void {
    const watched = this.#resources.get(resourceText(key))
    if (!watched) return
    const before = watched.made?.patches.join() ?? ''
    watched.made = this.#engine.get(this.#resource, key)
    if ((watched.made?.patches.join() ?? '') !== before) this.#problemsChanged()
    for (const [names, views] of this.#shownLike(key)) {
      const shown = names.keys.get(key.name) ?? names.found.get(key.name)?.key.resource
      if (shown?.text !== key.resource.text) continue
      names.revision = {}
      for (const view of views) {
        const known = byList.get(view)
        if (known) known.push(key.name)
        else byList.set(view, [key.name])
      }
    }
  }

  #listChanged(key: ListKey<L>, changes: Changes): void {
    const view = this.#listViews.get(listText(key))
    if (!view) return
    const before = view.names
    view.names = this.#engine.get(this.#list, key)
    this.#showList(view)
    this.#hide(view, before)
    changes.ofList(view, changedNames(before.keys, view.names.keys))
  }

  #proxyChanged(key: ProxyKey<P>, changes: Changes, moves: ListChanges): void {
    const proxy = this.#proxies.get(key.id)
    const before = proxy?.view.lists.get(key.typeUrl)
    if (!proxy || !before) return
    const lists = this.#engine.get(this.#listsOf, key)
    const after = lists.map((list) => this.#use({ primary: key.primary, typeUrl: key.typeUrl, list }, proxy.view))
    proxy.view.lists.set(key.typeUrl, after)
    const changed = moves.names(before.map(namesOf), after.map(namesOf))
    changes.ofProxy(proxy.view, key.typeUrl, [...changed, ...before.flatMap(({ names }) => askedOf(names))])
    for (const view of before) if (!after.includes(view)) this.#disuse(view, proxy.view)
  }
}

function tells({ patches, problems }: ProxyFacts): boolean {
  return patches.length + problems.length > 0
}

const namesOf = <L, R extends Key>({ names }: ListView<L, R>): Names<R> => names

/** Names that a list was asked for beyond its own. */
const askedOf = <R extends Key>({ keys, found }: Names<R>): string[] => (keys.size === 0 ? [...found.keys()] : [])

const listText = <L extends Key>({ primary, typeUrl, list }: ListKey<L>): string => `${primary} ${typeUrl} ${list.text}`

/** The key's text stands for the name too: it is made from it. */
const resourceText = <R extends Key>({ primary, typeUrl, resource }: ResourceKey<R>): string =>
  `${shortTypeName(typeUrl)} ${resource.text} ${primary}`

interface Kind {
  readonly primary: string
  readonly typeUrl: string
}

const kindText = ({ primary, typeUrl }: Kind): string => `${primary} ${typeUrl}`
