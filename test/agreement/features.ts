// Which features a call met on its way, so that a report tells what was really asked.
import { copiesOf, type Decision, type Hop } from '../../src/evaluator/index.ts'
import { answerHeader } from './programs.ts'
import type { RandomWorld } from './world.ts'

const met: Readonly<Record<string, (decision: Decision, hop: Hop) => boolean>> = {
  'authorization rules': ({ verdicts }) => verdicts.some(({ action }) => ['ALLOW', 'DENY', 'LOG'].includes(action)),
  'authorizer asked': ({ verdicts }) => verdicts.some(({ action }) => action === 'ASK'),
  'consistent hash': ({ destinations }) => destinations.some(({ balancer }) => balancer.startsWith('consistent hash')),
  'copies (mirrors)': (_, hop) => copiesOf(hop).length > 0,
  'direct response': ({ directResponse }) => directResponse !== undefined,
  faults: ({ fault }) => fault !== undefined,
  'header changes': ({ destinations }) =>
    destinations.some(({ requestChanges, responseChanges }) => requestChanges.length + responseChanges.length > 1),
  'localities in one rung': ({ destinations }) =>
    destinations.some(({ rungs }) =>
      rungs.some((rung) => new Set(rung.endpoints.map((each) => each.locality)).size > 1),
    ),
  'gateway between networks': ({ proxy }) => proxy.endsWith('/passage'),
  'upgrade of the protocol': (_, { call }) => 'upgrade' in call.headers,
  redirect: ({ redirect }) => redirect !== undefined,
  rewrite: ({ destinations }) => destinations.some(({ sent }) => sent?.headers['x-envoy-original-path'] !== undefined),
  'several rungs': ({ destinations }) => destinations.some(({ rungs }) => rungs.length > 1),
  'tokens checked': ({ verdicts }) => verdicts.some(({ action }) => action === 'TOKEN'),
  'ejected endpoints': ({ destinations }) =>
    destinations.some(
      ({ outlier, rungs }) =>
        outlier?.consecutive5xx === 1 && rungs.some(({ endpoints }) => endpoints.some(({ healthy }) => !healthy)),
    ),
  'weighted destinations': ({ destinations }) => destinations.filter(({ share }) => share > 0).length > 1,
}

export function featuresOf(hop: Hop): Set<string> {
  const found = new Set(Object.keys(met).filter((name) => met[name]?.(hop.decision, hop)))
  if (answerHeader in hop.call.headers && hop.decision.retries) found.add('bad answers to routes with retries')
  for (const { hop: next } of hop.branches) for (const name of next ? featuresOf(next) : []) found.add(name)
  return found
}

/** Kinds that a mesh has, of those whose effect no decision tells by itself. */
export function featuresOfWorld({ objects, sick }: RandomWorld): string[] {
  const kinds = new Set([...objects.values()].flatMap((own) => own.map(({ kind }) => kind)))
  const ejecting = sick.length > 0 ? ['in a mesh with ejected endpoints'] : []
  const named = ['EnvoyFilter', 'Sidecar', 'PeerAuthentication', 'Failover', 'Drain', 'Ingress']
    .filter((kind) => kinds.has(kind))
    .map((kind) => `in a mesh with ${kind}`)
  return [...named, ...ejecting]
}
