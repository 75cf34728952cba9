// What the schemas cannot say: values that have no meaning.
import { durationMs, type Place } from '../dsl.ts'
import { checkExternalServers } from './needs.ts'

interface Ref {
  readonly name?: string
  readonly namespace?: string
  readonly clusterName?: string
}

interface Selector {
  readonly kubeServiceRefs?: { readonly services?: readonly Ref[] }
}

interface Policy {
  readonly trafficShift?: { readonly destinations?: readonly Weighted[] }
  readonly faultInjection?: {
    readonly abort?: { readonly httpStatus?: number }
    readonly fixedDelay?: string
    readonly delay?: { readonly fixedDelay?: string }
    readonly percentage?: number
  }
  readonly requestTimeout?: string
  readonly retries?: { readonly attempts?: number; readonly perTryTimeout?: string }
  readonly corsPolicy?: { readonly maxAge?: string }
  readonly mirror?: { readonly kubeService?: Ref; readonly percentage?: number }
  readonly csrf?: { readonly percentage?: number }
  readonly rateLimit?: object
  readonly extauth?: { readonly disable?: boolean }
}

interface Weighted {
  readonly kubeService?: Ref
  readonly virtualDestination?: Ref
  readonly staticDestination?: Ref
  readonly failoverService?: Ref
  readonly clusterHeader?: string
}

/** Says which of the fields of a reference are missing, in one sentence each. */
export function checkRef(place: Place, ref: Ref | undefined, fields: readonly (keyof Ref)[]): void {
  for (const field of fields) if (!ref?.[field]) place.field(field).error(`'${field}' must be specified`, 'required')
}

const serviceFields = ['name', 'namespace', 'clusterName'] as const
const objectFields = ['name', 'namespace'] as const

export function checkDestinationSelectors(place: Place, selectors: readonly Selector[] | undefined): void {
  place.each(selectors, (item, { kubeServiceRefs }) => {
    const services = item.field('kubeServiceRefs').field('services')
    services.each(kubeServiceRefs?.services, (at, ref) => checkRef(at, ref, serviceFields))
  })
}

function checkDuration(place: Place, value: string | undefined): void {
  if (value !== undefined && (durationMs(value) ?? 0) < 1) place.error(`must be at least 1ms, got ${value}`)
}

function checkPercentage(place: Place, value: number | undefined): void {
  if (value !== undefined && (value < 0 || value > 100)) place.error(`must be between 0 and 100, got ${value}`)
}

/** Checks a policy: that of a TrafficPolicy, or the options of a route. */
export function checkPolicy(place: Place, policy: Policy): void {
  const shift = place.field('trafficShift').field('destinations')
  shift.each(policy.trafficShift?.destinations, checkWeighted)
  checkFault(place.field('faultInjection'), policy.faultInjection)
  checkDuration(place.field('requestTimeout'), policy.requestTimeout)
  const { attempts = 0, perTryTimeout } = policy.retries ?? {}
  const retries = place.field('retries')
  if (attempts < 0) retries.field('attempts').error(`must be 0 or more, got ${attempts}`)
  checkDuration(retries.field('perTryTimeout'), perTryTimeout)
  checkDuration(place.field('corsPolicy').field('maxAge'), policy.corsPolicy?.maxAge)
  checkPercentage(place.field('csrf').field('percentage'), policy.csrf?.percentage)
  checkExternalServers(place, policy)
  if (policy.mirror === undefined) return
  checkRef(place.field('mirror').field('kubeService'), policy.mirror.kubeService, serviceFields)
  checkPercentage(place.field('mirror').field('percentage'), policy.mirror.percentage)
}

/** Checks one destination of a shift or of a route. */
export function checkWeighted(place: Place, weighted: Weighted): void {
  const { kubeService, virtualDestination, staticDestination, failoverService, clusterHeader } = weighted
  if (kubeService !== undefined) checkRef(place.field('kubeService'), kubeService, serviceFields)
  else if (virtualDestination !== undefined)
    checkRef(place.field('virtualDestination'), virtualDestination, objectFields)
  else if (failoverService !== undefined) checkRef(place.field('failoverService'), failoverService, objectFields)
  else if (staticDestination !== undefined) checkRef(place.field('staticDestination'), staticDestination, objectFields)
  else if (clusterHeader === undefined)
    place.error(
      'must set a destination type: kubeService, virtualDestination, staticDestination or clusterHeader',
      'required',
    )
}

function checkFault(place: Place, fault: Policy['faultInjection']): void {
  if (fault === undefined) return
  checkPercentage(place.field('percentage'), fault.percentage)
  const { abort, fixedDelay, delay } = fault
  if (abort === undefined && fixedDelay === undefined && delay?.fixedDelay === undefined)
    place.error('a fault injection needs its type: abort or fixedDelay', 'required')
  if (abort !== undefined) {
    const status = abort.httpStatus ?? 0
    if (status < 200 || status > 599) place.field('abort').field('httpStatus').error(`invalid HTTP status ${status}`)
  }
  checkDuration(place.field('fixedDelay'), fixedDelay)
}

interface TrafficPolicy extends Policy {
  readonly destinationSelector?: readonly Selector[]
  readonly policy?: Policy
}

const topLevel = [
  'trafficShift',
  'faultInjection',
  'requestTimeout',
  'retries',
  'corsPolicy',
  'mirror',
  'headerManipulation',
  'outlierDetection',
  'mtls',
  'csrf',
  'rateLimit',
  'extauth',
] as const

/** Checks a TrafficPolicy by itself. */
export function checkTrafficPolicy(spec: Place, value: TrafficPolicy & Readonly<Record<string, unknown>>): void {
  checkDestinationSelectors(spec.field('destinationSelector'), value.destinationSelector)
  if (value.policy !== undefined) checkPolicy(spec.field('policy'), value.policy)
  checkPolicy(spec, value)
  if (value.policy === undefined) return
  for (const field of topLevel)
    if (value[field] !== undefined)
      spec.field(field).warn(`stands beside policy, and so has no effect; it belongs into policy.${field}`)
}

interface AccessPolicy {
  readonly destinationSelector?: readonly Selector[]
  readonly sourceSelector?: readonly {
    readonly kubeServiceAccountRefs?: { readonly serviceAccounts?: readonly Ref[] }
  }[]
}

/** Checks an AccessPolicy by itself. */
export function checkAccessPolicy(spec: Place, value: AccessPolicy): void {
  checkDestinationSelectors(spec.field('destinationSelector'), value.destinationSelector)
  spec.field('sourceSelector').each(value.sourceSelector, (item, { kubeServiceAccountRefs: refs }) => {
    if (refs === undefined || (refs.serviceAccounts ?? []).length > 0) return
    item
      .field('kubeServiceAccountRefs')
      .field('serviceAccounts')
      .error('names no account; leave out kubeServiceAccountRefs to mean any caller', 'required')
  })
}

interface VaultCa {
  readonly server?: string
  readonly caPath?: string
  readonly csrPath?: string
  readonly tokenSecretRef?: object
  readonly kubernetesAuth?: { readonly role?: string }
}

interface VirtualMesh {
  readonly meshes?: readonly Ref[]
  readonly mtlsConfig?: {
    readonly limited?: object
    readonly shared?: {
      readonly rootCertificateAuthority?: { readonly generated?: object; readonly secret?: Ref }
      readonly intermediateCertificateAuthority?: { readonly vault?: VaultCa }
    }
    readonly rotationVerificationMethod?: { readonly manual?: object }
    readonly rotationStrategy?: string
  }
  readonly federation?: {
    readonly selectors?: readonly {
      readonly destinationSelectors?: readonly Selector[]
      readonly meshes?: readonly Ref[]
    }[]
  }
}

/** Checks a VirtualMesh by itself. */
export function checkVirtualMesh(spec: Place, value: VirtualMesh): void {
  spec.field('meshes').each(value.meshes, (place, ref) => checkRef(place, ref, objectFields))
  spec
    .field('federation')
    .field('selectors')
    .each(value.federation?.selectors, (place, selector) => {
      checkDestinationSelectors(place.field('destinationSelectors'), selector.destinationSelectors)
      place.field('meshes').each(selector.meshes, (at, ref) => checkRef(at, ref, objectFields))
    })
  const mtls = spec.field('mtlsConfig')
  const { limited, shared, rotationVerificationMethod, rotationStrategy } = value.mtlsConfig ?? {}
  if (rotationVerificationMethod?.manual !== undefined)
    mtls
      .field('rotationVerificationMethod')
      .field('manual')
      .warn('not supported: each step goes on once every proxy has acknowledged the one before', 'not-supported')
  if (rotationStrategy === 'NONE')
    mtls.field('rotationStrategy').warn('has no effect: both roots are trusted during a change')
  if (limited !== undefined) mtls.field('limited').error('limited trust is not supported; use shared', 'not-supported')
  if (shared === undefined) return
  const { rootCertificateAuthority: root, intermediateCertificateAuthority: intermediate } = shared
  const place = mtls.field('shared')
  if (root === undefined && intermediate === undefined)
    place.error(
      'No ca source specified: rootCertificateAuthority or intermediateCertificateAuthority is needed',
      'required',
    )
  if (root !== undefined && root.generated === undefined && root.secret === undefined)
    place
      .field('rootCertificateAuthority')
      .error('No root ca source specified: generated or secret is needed', 'required')
  if (root?.secret !== undefined)
    checkRef(place.field('rootCertificateAuthority').field('secret'), root.secret, objectFields)
  if (intermediate !== undefined && intermediate.vault === undefined)
    place
      .field('intermediateCertificateAuthority')
      .error('No intermediate ca source specified: vault is needed', 'required')
  if (intermediate?.vault !== undefined)
    checkVault(place.field('intermediateCertificateAuthority').field('vault'), intermediate.vault)
}

/** Warnings only: agents of the original may know more than what is written. */
function checkVault(place: Place, { server = '', caPath, csrPath, tokenSecretRef, kubernetesAuth }: VaultCa): void {
  const needed = (name: string, value: string | undefined): void => {
    if (!value) place.field(name).warn(`'${name}' is needed: without it nothing can be asked of Vault`, 'required')
  }
  needed('server', server)
  needed('caPath', caPath)
  needed('csrPath', csrPath)
  if (server.startsWith('http:'))
    place.field('server').warn('the connection is not encrypted: who listens gets the token for Vault')
  if (tokenSecretRef === undefined && kubernetesAuth === undefined)
    place.warn("'tokenSecretRef' or 'kubernetesAuth' is needed: without one nothing can be asked of Vault", 'required')
  if (kubernetesAuth !== undefined && !kubernetesAuth.role)
    place.field('kubernetesAuth').field('role').warn("'role' is needed for the login to Vault", 'required')
}
