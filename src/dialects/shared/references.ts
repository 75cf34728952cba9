// References of policies to services.
import type { Fleet } from './fleet.ts'
import type { ClusterRef, ServiceSelector, TrafficPolicy, UserObject } from './model.ts'
import { serviceKey } from './selectors.ts'
import type { PolicyError } from './traffic/applied.ts'

/** References to services that do not exist, and what was found in the policy by itself. */
export function referenceErrors(
  policy: TrafficPolicy | (UserObject & { readonly destinations: readonly ServiceSelector[] }),
  fleet: Fleet,
  field = 'destinationSelector',
): PolicyError[] {
  const own = policy.problems
    .filter(({ severity }) => severity === 'error')
    .map(({ code, path, message }) => ({ code, path, message }))
  const selected = policy.destinations.flatMap(({ refs = [] }, index) => {
    const path = policy.destinations.length > 1 ? `spec.${field}[${index}]` : `spec.${field}`
    return refs.flatMap((ref) => missingService(ref, fleet, path, 'Destination'))
  })
  return [...own, ...selected, ...('policy' in policy ? missingTargets(policy, fleet) : [])]
}

function missingTargets({ policy }: TrafficPolicy, fleet: Fleet): PolicyError[] {
  const shift = (policy.trafficShift ?? []).flatMap(({ target }, index) =>
    target.kind === 'service'
      ? missingService(
          target.ref,
          fleet,
          `trafficShift.destinations[${index}]`,
          'invalid traffic shift destination: service',
        )
      : [],
  )
  const mirror =
    policy.mirror === undefined
      ? []
      : missingService(policy.mirror.ref, fleet, 'mirror', 'invalid mirror destination: service')
  return [...shift, ...mirror]
}

/** A reference that lacks a field was told of already. */
function missingService(ref: ClusterRef, fleet: Fleet, path: string, what: string): PolicyError[] {
  const { name, namespace, cluster } = ref
  if (name === '' || namespace === '' || cluster === '' || fleet.services.has(serviceKey(ref))) return []
  return [{ code: 'reference-not-found', path, message: `${what} ${name}.${namespace}.${cluster} not found` }]
}
