import { rootNamespaceOf, textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { checkObject, type KubeObject, refOf } from '../../resources/index.ts'
import { type MtlsMode, peerAuthenticationKind } from '../../resources/istio/index.ts'
import { applies, byAge, policyNamespaces, type Scope, type SecuredWorkload, scopeOf } from './workload.ts'

/** What a workload asks of its callers. */
export type InboundMode = 'STRICT' | 'PERMISSIVE' | 'DISABLE'

/** Modes of a workload: of its ports, and of those that are not named. */
export interface InboundModes {
  readonly mode: InboundMode
  readonly ports: ReadonlyMap<number, InboundMode>
  /** The policies that decided. */
  readonly origin: readonly ObjectRef[]
}

interface Policy {
  readonly name: string
  readonly createdAt: string
  readonly scope: Scope
  /** Undefined: as the wider scope says. */
  readonly mode: InboundMode | undefined
  readonly ports: ReadonlyMap<number, InboundMode | undefined>
  readonly origin: ObjectRef
}

const kind = 'security.istio.io/PeerAuthentication'

/** The PeerAuthentications of a namespace, oldest first. */
const policiesOfNamespace = textQuery(
  'mesh/security/peer-authentications',
  (world, namespace): readonly Policy[] =>
    world
      .objects(world.primary, kind)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map((object) => readPolicy(object, world.primary))
      .sort(byAge),
  { equals: sameStructure },
)

/** What cannot be read is STRICT: a policy was meant to protect. */
function readPolicy(object: KubeObject, cluster: string): Policy {
  const { object: sound, problems } = checkObject(peerAuthenticationKind, object, cluster)
  const errors = problems.filter((p) => p.severity === 'error')
  const broken = (path: string): boolean => errors.some((p) => p.path === path || p.path.startsWith(`${path}.`))
  // A misspelled field may have been the one that protects.
  const guesswork = errors.some(
    ({ code, path }) => path === 'spec' || (code === 'unknown-field' && /^spec\.[^.[]+$/.test(path)),
  )
  const { spec = {}, metadata } = sound
  const modeOf = (path: string, mode: MtlsMode | undefined): InboundMode | undefined => {
    if (broken(path)) return 'STRICT'
    return mode === 'UNSET' ? undefined : mode
  }
  const ports = Object.keys((object.spec as { portLevelMtls?: object } | undefined)?.portLevelMtls ?? {})
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? '',
    scope: scopeOf(metadata.namespace ?? '', spec),
    mode: guesswork ? 'STRICT' : modeOf('spec.mtls', spec.mtls?.mode),
    ports: new Map(
      ports.map((port) => [Number(port), modeOf(`spec.portLevelMtls[${port}]`, spec.portLevelMtls?.[port]?.mode)]),
    ),
    origin: refOf(cluster, object),
  }
}

const isWide = ({ scope }: Policy): boolean => Object.keys(scope.selector).length === 0

/**
 * The modes that hold for a workload: mesh, then namespace, then workload, each overriding the wider one where it says
 * something; of several policies with one scope the oldest. Ports are the workload's own, not those of services.
 */
export function inboundModes(world: World, workload: SecuredWorkload): InboundModes {
  const root = rootNamespaceOf(world)
  const [mesh, namespace] = policyNamespaces(world, workload).map((name) =>
    world.get(policiesOfNamespace, name).find(isWide),
  )
  const own =
    workload.namespace === root
      ? undefined
      : world.get(policiesOfNamespace, workload.namespace).find((p) => !isWide(p) && applies(p.scope, workload))
  const deciding = [mesh, namespace, own].filter((policy) => policy !== undefined)
  const mode = deciding.findLast((policy) => policy.mode !== undefined)?.mode ?? 'PERMISSIVE'
  return {
    mode,
    ports: new Map([...(own?.ports ?? [])].map(([port, level]) => [port, level ?? mode])),
    origin: deciding.map(({ origin }) => origin),
  }
}

/** The mode of one port of the workload. */
export function modeOfPort(modes: InboundModes, port: number): InboundMode {
  return modes.ports.get(port) ?? modes.mode
}
