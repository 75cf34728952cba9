// Fields of Istio's kinds that nothing is made from. Each is told on the object that has it, and stands as `not
// supported` in docs/compatibility/istio.md (a test compares the two).
import { textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { istioKinds } from '../../mesh/index.ts'
import type { Problem } from '../../report/index.ts'
import { fieldPath, isObject, type KubeObject, objectKey, refOf } from '../../resources/index.ts'

/** By kind: paths within spec (`[]` for items; `**.` in front: wherever it stands; `*`: the object) and why. */
export const unsupportedFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [istioKinds.destinationRule]: {
    '**.loadBalancer.backendUtilization': 'endpoints are weighted by what is known of them, not by what they report',
  },
  [istioKinds.envoyFilter]: {
    'configPatches[].match.listener.filterChain.transportSocket': 'chains are told apart by what they match',
    'configPatches[].match.waypoint': 'there are no waypoints',
    'configPatches[].patch.filterClass': 'filters stand where the operation puts them',
  },
  [istioKinds.gateway]: {
    'servers[].defaultEndpoint': 'requests go where VirtualServices say',
    'servers[].tls.tlsCertificates[].caCertificates': 'clients are verified with caCertificates of tls',
  },
  [istioKinds.proxyConfig]: {
    image: 'proxies are no containers of an image',
  },
  [istioKinds.sidecar]: {
    'ingress[].tls.caCertCredentialName': 'a sidecar reads files; name one by caCertificates',
    'ingress[].tls.tlsCertificates[].caCertificates': 'clients are verified with caCertificates of tls',
  },
  [istioKinds.telemetry]: {
    'metrics[].reportingInterval': 'connections are counted when they end',
    'metrics[].overrides[].match.customMetric': "only Istio's standard metrics are counted",
    'tracing[].customTags{}.formatter': 'tags are texts, headers and variables of the environment',
    'tracing[].disableContextPropagation': 'the context of a trace is always passed on',
  },
  [istioKinds.virtualService]: {
    'http[].fault.abort.http2Error': 'requests are ended by a status only',
    'tcp[].match[].sourceSubnet': 'callers are told apart by their labels and namespace only',
  },
  [istioKinds.wasmPlugin]: { '*': 'filters are not loaded into proxies' },
  [istioKinds.trafficExtension]: { '*': 'filters are not loaded into proxies' },
}

const fieldsOfObject = textQuery(
  'envoy/unsupported-fields',
  (world, id): readonly Problem[] => {
    const at = id.indexOf(' ')
    const kind = id.slice(0, at)
    const object = world.object(world.primary, kind, id.slice(at + 1))
    const told = unsupportedFields[kind]
    if (!object || !told) return []
    const ref = refOf(world.primary, object)
    const problem = (path: string, why: string): Problem => ({
      code: 'not-supported',
      severity: 'warning',
      object: ref,
      path,
      message: `has no effect: ${why}`,
    })
    const whole = told['*']
    if (whole !== undefined) return [problem('', whole)]
    return Object.entries(told).flatMap(([pattern, why]) =>
      placesOf(object.spec, pattern).map((path) => problem(path === '' ? 'spec' : `spec.${path}`, why)),
    )
  },
  { equals: sameStructure },
)

/** Sidecars get certificates of Secrets only by rules that select them: others could ask for anybody's. */
function credentialProblems(world: World): Problem[] {
  return world.objects(world.primary, istioKinds.destinationRule).flatMap((object) => {
    const { workloadSelector } = (object.spec ?? {}) as { readonly workloadSelector?: unknown }
    if (workloadSelector !== undefined) return []
    return credentialPlaces(object).map(
      (path): Problem => ({
        code: 'no-effect',
        severity: 'warning',
        object: refOf(world.primary, object),
        path: `spec.${path}`,
        message: 'has no effect on sidecars: for those the rule needs a workloadSelector',
      }),
    )
  })
}

/** Found once for each state of an object: of thousands of rules one changes at a time. */
function credentialPlaces(object: KubeObject): readonly string[] {
  const known = placesOfCredentials.get(object)
  if (known) return known
  const places = placesOf(object.spec, '**.tls.credentialName')
  placesOfCredentials.set(object, places)
  return places
}

const placesOfCredentials = new WeakMap<KubeObject, readonly string[]>()

/** A warning for each field of an object that nothing is made from. */
export function unsupportedFieldProblems(world: World): Problem[] {
  const fields = Object.keys(unsupportedFields).flatMap((kind) =>
    world.objects(world.primary, kind).flatMap((object) => world.get(fieldsOfObject, `${kind} ${objectKey(object)}`)),
  )
  return [...fields, ...credentialProblems(world)]
}

/** Where in a value a path leads to something. */
export function placesOf(value: unknown, pattern: string): string[] {
  const anywhere = pattern.startsWith('**.')
  const steps = (anywhere ? pattern.slice(3) : pattern).split('.')
  return anywhere ? placesBelow(value, steps, '') : placesAt(value, steps, '')
}

function placesAt(value: unknown, [step, ...rest]: readonly string[], path: string): string[] {
  if (step === undefined) return value === undefined || value === null ? [] : [path]
  if (!isObject(value)) return []
  const name = step.replace(/(\[\]|\{\})$/, '')
  const own = value[name]
  const at = path === '' ? name : `${path}.${name}`
  if (step.endsWith('[]'))
    return Array.isArray(own) ? own.flatMap((item: unknown, index) => placesAt(item, rest, `${at}[${index}]`)) : []
  if (step.endsWith('{}'))
    return isObject(own) ? Object.entries(own).flatMap(([key, each]) => placesAt(each, rest, fieldPath(at, key))) : []
  return placesAt(own, rest, at)
}

function placesBelow(value: unknown, steps: readonly string[], path: string): string[] {
  const own = placesAt(value, steps, path)
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => placesBelow(item, steps, `${path}[${index}]`))
  if (!isObject(value)) return own
  const below = Object.entries(value).flatMap(([name, each]) =>
    placesBelow(each, steps, path === '' ? name : `${path}.${name}`),
  )
  return [...own, ...below]
}
