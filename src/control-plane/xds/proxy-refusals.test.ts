// A proxy that refuses what is bad, over the real protocol: what it ends with, and who is blamed.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { type ProxyNode, type ProxyResources, type ResourceVersion, typeUrls } from '../../ads/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { encodeElement, encodeGroup, joinParts } from './encode.ts'
import { ProxyRefusals } from './proxy-refusals.ts'
import { Rejections } from './rejections.ts'
import { XdsResource } from './xds-resource.ts'

const node = { id: 'sidecar~127.0.0.2~a.b~b.svc' } as ProxyNode
const typeUrl = typeUrls.route
const name = '80'
const virtualHostsField = 2

/** Virtual hosts by name; what begins with `bad` is refused. */
type Hosts = Readonly<Record<string, string>>

function routes(hosts: Hosts): XdsResource {
  const parts = Object.entries(hosts).map(([host, text]) => {
    const match = { pathSpecifier: { case: 'prefix', value: `/${text}` } } as const
    const resource = create(VirtualHostSchema, { name: host, domains: [host], routes: [{ match }] })
    const origin = [{ cluster: 'east', apiVersion: 'v1', kind: 'VirtualService', namespace: 'b', name: host }]
    return encodeElement(VirtualHostSchema, virtualHostsField, { resource, origin })
  })
  return joinParts(
    typeUrl,
    name,
    [encodeGroup(parts)],
    toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name })),
  )
}

function hostsOf(resource: XdsResource): Record<string, string> {
  const message: RouteConfiguration = fromBinary(RouteConfigurationSchema, resource.message())
  return Object.fromEntries(
    message.virtualHosts.map((host) => {
      const route = host.routes[0]
      const path = route?.match?.pathSpecifier
      const text = path?.case === 'prefix' ? path.value.slice(1) : ''
      return [host.name, route?.action.case === 'directResponse' ? '503' : text]
    }),
  )
}

/** Asks as Envoy does: takes all of a response or nothing. `tellsNames`: its message names the first bad host. */
class Proxy {
  readonly #rejections: Rejections
  readonly #refusals: ProxyRefusals
  readonly #engine = new Engine()
  #given = routes({})
  #has: XdsResource | undefined
  #refused: ResourceVersion | undefined
  rounds = 0
  isDue = true
  readonly #tellsNames: boolean

  constructor(tellsNames = false) {
    this.#tellsNames = tellsNames
    this.#rejections = new Rejections(this.#engine)
    const given: ProxyResources = { lists: () => [], includes: () => false, get: () => this.#given }
    const changed = (): void => {
      this.isDue = true
    }
    this.#refusals = new ProxyRefusals({ node, cluster: 'east', given, changed, rejections: this.#rejections })
  }

  give(hosts: Hosts): this {
    this.#given = routes(hosts)
    this.#refusals.mayHaveChanged(new Map([[typeUrl, new Set([name])]]))
    this.isDue = true
    for (this.rounds = 0; this.isDue; this.rounds++) this.#step()
    return this
  }

  #step(): void {
    this.isDue = false
    const sent = this.#refusals.resources.get(typeUrl, name)
    if (!(sent instanceof XdsResource)) throw new Error('nothing to send')
    if (sent.version === this.#refused?.version) return
    this.#refused = undefined
    if (sent.version === this.#has?.version) return
    const bad = Object.entries(hostsOf(sent)).find(([, text]) => text.startsWith('bad'))
    if (bad) {
      this.#refused = sent
      const detail = this.#tellsNames ? `virtual host ${bad[0]}: no` : 'no'
      this.#refusals.rejected(typeUrl, [{ name, resource: sent, isNew: true }], detail, () => this.#has)
    } else {
      this.#has = sent
      this.#refusals.taken(typeUrl, () => true)
    }
  }

  get hosts(): Record<string, string> | undefined {
    return this.#has && hostsOf(this.#has)
  }

  get blamed(): string[] {
    this.#engine.rebuild()
    return [...this.#rejections.table.rows.values()].flatMap(({ origin }) => origin.map((ref) => ref.name)).sort()
  }
}

describe('a part that a proxy refuses', () => {
  test('stays as it was, while its neighbours go on', () => {
    const proxy = new Proxy().give({ a: '1', b: '1', c: '1' }).give({ a: 'bad', b: '1', c: '1' })
    expect(proxy.hosts).toEqual({ a: '1', b: '1', c: '1' })
    proxy.give({ a: 'bad', b: '2', c: '1', d: '1' })
    expect(proxy.hosts).toEqual({ a: '1', b: '2', c: '1', d: '1' })
    expect(proxy.blamed).toEqual(['a'])
    proxy.give({ a: 'bad', b: '3', d: '1' })
    expect(proxy.hosts).toEqual({ a: '1', b: '3', d: '1' })
  })

  test('is taken as soon as it is mended, and blamed no more', () => {
    const proxy = new Proxy().give({ a: '1', b: '1' }).give({ a: 'bad', b: '1' }).give({ a: '2', b: '1' })
    expect(proxy.hosts).toEqual({ a: '2', b: '1' })
    expect(proxy.blamed).toEqual([])
  })

  test('is found among all that came together, with few tries', () => {
    const good = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`h${at}`, '1']))
    const proxy = new Proxy().give({ ...good, h77: 'bad', h900: 'bad' })
    expect(proxy.hosts).toEqual({ ...good, h77: '503', h900: '503' })
    expect(proxy.blamed).toEqual(['h77', 'h900'])
    expect(proxy.rounds).toBeLessThan(60)
    const told = new Proxy(true).give({ ...good, h77: 'bad' })
    expect(told.hosts).toEqual({ ...good, h77: '503' })
    expect(told.rounds).toBeLessThan(8)
  })

  test('leaves nothing open that was never taken: the host answers 503 until it is mended or gone', () => {
    const proxy = new Proxy().give({ a: '1' }).give({ a: '1', b: 'bad' })
    expect(proxy.hosts).toEqual({ a: '1', b: '503' })
    expect(proxy.give({ a: '2' }).hosts).toEqual({ a: '2' })
    expect(proxy.blamed).toEqual([])
  })

  test('whatever changes in whatever order, the good ones are as they are to be', () => {
    const text = fc.constantFrom('1', '2', '3', 'bad', 'bad2')
    const hosts = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), text)
    fc.assert(
      fc.property(fc.array(hosts, { minLength: 1, maxLength: 8 }), fc.boolean(), (steps, tellsNames) => {
        const proxy = new Proxy(tellsNames)
        const taken = new Map<string, string>()
        for (const step of steps) {
          proxy.give(step)
          const isBad = ([, value]: [string, string]): boolean => value.startsWith('bad')
          for (const host of taken.keys()) if (!(host in step)) taken.delete(host)
          for (const [host, value] of Object.entries(step)) if (!value.startsWith('bad')) taken.set(host, value)
          const expected = Object.entries(step).map(([host, value]) => [
            host,
            value.startsWith('bad') ? (taken.get(host) ?? '503') : value,
          ])
          expect(proxy.hosts ?? {}).toEqual(Object.fromEntries(expected))
          expect(proxy.blamed).toEqual(
            Object.entries(step)
              .filter(isBad)
              .map(([host]) => host)
              .sort(),
          )
        }
      }),
      { numRuns: 300 },
    )
  })
})
