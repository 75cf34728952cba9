// What became of Service Mesh Hub's objects, in its own words.
import type { ObjectRef } from '../../report/index.ts'
import type {
  AccessResult,
  GroupOutcome,
  Mesh,
  Outcome,
  PolicyError,
  Service,
  StatusObject,
  TrafficResult,
  UserObject,
} from '../shared/index.ts'
import { compact } from '../shared/index.ts'

type State = 'UNKNOWN' | 'ACCEPTED' | 'INVALID' | 'PROCESSING_ERROR' | 'CONFLICT'
interface Computed {
  readonly state: State
  readonly message?: string
}

const accepted: Computed = { state: 'ACCEPTED' }
const translatorId = 'istio-translator'

/** The status object of something; only what names it, and the status. */
export function statusOf({ cluster, apiVersion, kind, name, namespace }: ObjectRef, status: object): StatusObject {
  return { cluster, object: { apiVersion, kind, metadata: { name, namespace }, status } }
}

const observed = ({ generation }: UserObject) => ({ observedGeneration: String(generation) })
const textOf = ({ path, message }: PolicyError): string => (path === '' ? message : `${path}: ${message}`)
const joined = (messages: Iterable<string>): string => [...new Set(messages)].join('; ')

function warningsOf(object: UserObject, more: readonly PolicyError[] = []): string[] {
  const own = object.problems.filter(({ severity }) => severity === 'warning')
  return [...new Set([...own, ...more].map(textOf))]
}

/** Wrong by itself or in its references: the policy is not valid, wherever it would apply. */
const isInvalid = ({ code }: PolicyError): boolean => code === 'reference-not-found'

export function trafficPolicyStatus(result: TrafficResult): StatusObject {
  const { policy, errors } = result
  const perService = [...result.services.values()]
  const of = (keep: (error: PolicyError) => boolean) =>
    perService.flatMap(({ service, errors: found }) => found.filter(keep).map((error) => ({ service, error })))
  const invalid = [...errors, ...of(isInvalid).map(({ error }) => error)].map(textOf)
  const conflicts = of(({ code }) => code === 'conflict')
  const others = of((error) => error.code !== 'conflict' && !isInvalid(error))
  const warnings = warningsOf(
    policy,
    perService.flatMap(({ warnings: found }) => found),
  )
  return statusOf(
    policy.object,
    compact({
      ...observed(policy),
      translationStatus: translation(invalid, conflicts, others),
      translatorErrors: others.map(({ service, error }) => ({
        translatorId,
        errorMessage: `${keyOf(service)}: ${textOf(error)}`,
      })),
      validationStatus: invalid.length === 0 ? accepted : { state: 'INVALID', message: joined(invalid) },
      conflictErrors: conflicts.map(({ service, error }) => ({
        configurationTarget: { name: service.object.name, namespace: service.object.namespace },
        errorMessage: error.message,
      })),
      warnings,
    }),
  )
}

type Located = readonly { readonly service: Service; readonly error: PolicyError }[]

const keyOf = ({ ref }: Service): string => `${ref.name}.${ref.namespace}.${ref.cluster}`

function translation(invalid: readonly string[], conflicts: Located, others: Located): Computed {
  if (invalid.length > 0)
    return { state: 'PROCESSING_ERROR', message: `Error while processing TrafficPolicy: ${joined(invalid)}` }
  if (others.length > 0)
    return {
      state: 'PROCESSING_ERROR',
      message: `Error while translating TrafficPolicy: ${joined(others.map(({ error }) => textOf(error)))}`,
    }
  if (conflicts.length > 0)
    return {
      state: 'CONFLICT',
      message: `TrafficPolicy conflicts with others: ${joined(conflicts.map(({ error }) => error.message))}`,
    }
  return accepted
}

export function accessPolicyStatus({ policy, errors, warnings }: AccessResult): StatusObject {
  const messages = errors.map(textOf)
  return statusOf(
    policy.object,
    compact({
      ...observed(policy),
      translationStatus:
        messages.length === 0
          ? accepted
          : { state: 'PROCESSING_ERROR', message: `Error while processing AccessControlPolicy: ${joined(messages)}` },
      translatorErrors: messages.map((errorMessage) => ({ translatorId, errorMessage })),
      warnings: warningsOf(policy, warnings),
    }),
  )
}

const pairText = ([one, other]: readonly [Mesh, Mesh]): string => `${one.cluster} and ${other.cluster}`

/** `trustError`: why the members cannot get certificates. */
export function virtualMeshStatus(outcome: GroupOutcome, all: Outcome, trustError: string | undefined): StatusObject {
  const { virtualMesh, objections, gatewayErrors } = outcome
  const own = virtualMesh.problems.filter(({ severity }) => severity === 'error')
  const invalid = [...own, ...objections].map(textOf)
  if (invalid.length > 0) {
    const state: Computed = { state: 'INVALID', message: joined(invalid) }
    return statusOf(virtualMesh.object, {
      ...observed(virtualMesh),
      configStatus: state,
      federationStatus: state,
      certificateStatus: state,
      accessControlEnforcementStatus: state,
    })
  }
  const strangers = outcome.group?.strangers ?? []
  const unreachable = [...all.unreachable]
    .filter(([key]) => all.federation.get(key)?.group === outcome.group)
    .map(([key, { message }]) => `${key}: ${message}`)
  const federation = [...gatewayErrors.values()].flat().concat(gatewayErrors.size > 0 ? [] : unreachable)
  // Neither done nor wrong: proxies are about to learn of the shared root, and to get certificates below it.
  const calm: Computed =
    strangers.length === 0
      ? accepted
      : { state: 'UNKNOWN', message: `waiting for the shared root: ${joined(strangers.map(pairText))}` }
  const state = (messages: readonly string[]): Computed =>
    messages.length === 0 ? calm : { state: 'PROCESSING_ERROR', message: joined(messages) }
  return statusOf(virtualMesh.object, {
    ...observed(virtualMesh),
    configStatus: accepted,
    federationStatus: state(federation),
    certificateStatus: state(trustError === undefined ? [] : [trustError]),
    accessControlEnforcementStatus: accepted,
  })
}
