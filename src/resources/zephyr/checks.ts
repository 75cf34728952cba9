// What the schemas cannot say: values that have no meaning.
import { durationMs, type Place } from '../dsl.ts'

interface Ref {
  readonly name?: string
  readonly namespace?: string
  readonly cluster?: string
}

interface Selector {
  readonly serviceRefs?: { readonly services?: readonly Ref[] }
}

interface TrafficPolicy {
  readonly destinationSelector?: Selector
  readonly trafficShift?: { readonly destinations?: readonly { readonly destination?: Ref }[] }
  readonly faultInjection?: {
    readonly abort?: { readonly httpStatus?: number }
    readonly delay?: { readonly fixedDelay?: string; readonly exponentialDelay?: string }
    readonly percentage?: number
  }
  readonly requestTimeout?: string
  readonly retries?: { readonly attempts?: number; readonly perTryTimeout?: string }
  readonly corsPolicy?: { readonly maxAge?: string }
  readonly mirror?: { readonly destination?: Ref; readonly percentage?: number }
}

/** Checks a TrafficPolicy by itself. */
export function checkTrafficPolicy(spec: Place, value: TrafficPolicy): void {
  checkSelector(spec.field('destinationSelector'), value.destinationSelector)
  const shift = spec.field('trafficShift').field('destinations')
  shift.each(value.trafficShift?.destinations, (place, { destination }) =>
    checkRef(place.field('destination'), destination),
  )
  checkFault(spec.field('faultInjection'), value.faultInjection)
  checkDuration(spec.field('requestTimeout'), value.requestTimeout)
  const { attempts = 0, perTryTimeout } = value.retries ?? {}
  if (attempts < 0)
    spec.field('retries').field('attempts').error(`Number of retry attempts must be >= 0, got ${attempts}`)
  checkDuration(spec.field('retries').field('perTryTimeout'), perTryTimeout)
  checkDuration(spec.field('corsPolicy').field('maxAge'), value.corsPolicy?.maxAge)
  if (value.mirror === undefined) return
  checkRef(spec.field('mirror').field('destination'), value.mirror.destination)
  checkPercentage(spec.field('mirror').field('percentage'), value.mirror.percentage)
}

function checkFault(place: Place, fault: TrafficPolicy['faultInjection']): void {
  if (fault === undefined) return
  checkPercentage(place.field('percentage'), fault.percentage)
  const { abort, delay } = fault
  if (abort === undefined && delay === undefined) place.error('a fault needs abort or delay', 'required')
  if (abort !== undefined) {
    const status = abort.httpStatus ?? 0
    if (status < 200 || status > 599) place.field('abort').field('httpStatus').error(`Invalid HTTP status: ${status}`)
  }
  if (delay === undefined) return
  if (delay.fixedDelay === undefined && delay.exponentialDelay === undefined)
    place.field('delay').error('a delay needs fixedDelay or exponentialDelay', 'required')
  checkDuration(place.field('delay').field('fixedDelay'), delay.fixedDelay)
  checkDuration(place.field('delay').field('exponentialDelay'), delay.exponentialDelay)
}

function checkDuration(place: Place, value: string | undefined): void {
  if (value !== undefined && (durationMs(value) ?? 0) < 1)
    place.error(`Duration must be >= 1 millisecond, got ${value}`)
}

function checkPercentage(place: Place, value: number | undefined): void {
  if (value !== undefined && (value < 0 || value > 100))
    place.error(`Percentage must be between 0.0 and 100.0 inclusive, got ${value}`)
}

function checkSelector(place: Place, selector: Selector | undefined): void {
  place.field('serviceRefs').field('services').each(selector?.serviceRefs?.services, checkRef)
}

function checkRef(place: Place, ref: Ref | undefined): void {
  if (ref === undefined) return place.error('Destination reference must be given', 'required')
  for (const field of ['name', 'namespace', 'cluster'] as const)
    if (!ref[field]) place.field(field).error(`'${field}' must be specified`, 'required')
}

interface AccessControlPolicy {
  readonly sourceSelector?: { readonly serviceAccountRefs?: { readonly serviceAccounts?: readonly Ref[] } }
  readonly destinationSelector?: Selector
}

/** Checks an AccessControlPolicy by itself. */
export function checkAccessControlPolicy(spec: Place, value: AccessControlPolicy): void {
  checkSelector(spec.field('destinationSelector'), value.destinationSelector)
  const accounts = spec.field('sourceSelector').field('serviceAccountRefs').field('serviceAccounts')
  accounts.each(value.sourceSelector?.serviceAccountRefs?.serviceAccounts, checkRef)
}

interface VirtualMesh {
  readonly meshes?: readonly Ref[]
  readonly limited?: object
  readonly enforceAccessControl?: unknown
  readonly certificateAuthority?: { readonly provided?: { readonly certificate?: Ref } }
}

/** Checks a VirtualMesh by itself. */
export function checkVirtualMesh(spec: Place, value: VirtualMesh): void {
  spec.field('meshes').each(value.meshes, (place, ref) => {
    for (const field of ['name', 'namespace'] as const)
      if (!ref[field]) place.field(field).error(`'${field}' must be specified`, 'required')
  })
  if (value.limited !== undefined)
    spec.field('limited').error('limited trust is not supported; use shared', 'not-supported')
  if (readEnforcement(value.enforceAccessControl) === undefined)
    spec
      .field('enforceAccessControl')
      .error(
        `Unsupported value: ${JSON.stringify(value.enforceAccessControl)}: supported values: true, false, "MESH_DEFAULT", "ENABLED", "DISABLED"`,
      )
  const { provided } = value.certificateAuthority ?? {}
  if (provided !== undefined && !provided.certificate?.name)
    spec.field('certificateAuthority').field('provided').field('certificate').error('Required value', 'required')
}

/** Default deny or not: the field was a boolean first (0.4) and an enum later (0.5). Undefined if it is neither. */
export function readEnforcement(value: unknown): 'MESH_DEFAULT' | 'ENABLED' | 'DISABLED' | undefined {
  if (value === undefined || value === null) return 'MESH_DEFAULT'
  const word = typeof value === 'string' ? value.toUpperCase().replaceAll('_', '') : value
  if (word === true || word === 'TRUE' || word === 'ENABLED' || word === 1) return 'ENABLED'
  if (word === false || word === 'FALSE' || word === 'DISABLED' || word === 2) return 'DISABLED'
  return word === 'MESHDEFAULT' || word === 0 ? 'MESH_DEFAULT' : undefined
}
