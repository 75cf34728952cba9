// Nothing is silently ignored: each field of each of Istio's kinds changes what proxies are given, or somebody is told.
import { expect, it } from 'vitest'
import { istioKinds } from '../../src/resources/istio/index.ts'
import { Effects } from '../effects/effects.ts'
import { kindsOf } from '../effects/kinds.ts'
import { mesh } from '../effects/mesh.ts'

/** Kinds that nothing comes of in the resources of proxies: they are read when machines register, or when pods start. */
const readElsewhere = ['ProxyConfig', 'WorkloadGroup']

/** How keys are fetched is no part of what a proxy is given. */
const fetching = ['jwtRules[].timeout']

const described = kindsOf()

it('is asked of every kind', () => {
  const kinds = [...described.map(({ kind }) => kind), ...readElsewhere, 'WasmPlugin', 'TrafficExtension']
  expect(kinds.sort()).toEqual(istioKinds.map(({ kind }) => kind).sort())
})

it.each(described)('every field of $kind does something', ({ kind, object, contexts }) => {
  const definition = istioKinds.find((each) => each.kind === kind)
  if (!definition) throw new Error(`there is no kind ${kind}`)
  const silent = new Effects(mesh).silent(definition, object, contexts)
  expect(silent.filter((path) => !fetching.includes(path))).toEqual([])
})
