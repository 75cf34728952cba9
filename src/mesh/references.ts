// References of one set of objects that lead nowhere, as `istioctl analyze` tells them (its IST0101).
import {
  hostCovers,
  kinds,
  resolveHost,
  type ServiceEntryObject,
  type ServiceObject,
  serviceHost,
} from '../discovery/index.ts'
import type { Problem } from '../report/index.ts'
import { groupKind, type KubeObject, refOf } from '../resources/index.ts'
import type { DestinationRule, Gateway, VirtualService } from './istio.ts'
import { istioKinds } from './kinds.ts'

interface Target {
  readonly host?: string
  readonly subset?: string
  readonly port?: { readonly number?: number }
}

/**
 * A warning for each Gateway, host, port and subset that a VirtualService names and that is not among the objects. Files rarely
 * hold a whole mesh, so a kind of which there is no object at all is not missed.
 */
export function referenceProblems(objects: readonly KubeObject[]): Problem[] {
  const gateways = new Set(
    [...ofKind<Gateway>(objects, istioKinds.gateway), ...ofKind(objects, kinds.gateway)].map(
      (object) => `${namespaceOf(object)}/${object.metadata.name}`,
    ),
  )
  const services = servicesOf(objects)
  const subsets = subsetsOf(objects)
  return ofKind<VirtualService>(objects, istioKinds.virtualService).flatMap((object) => {
    const problem = (path: string, message: string): Problem => ({
      code: 'reference-not-found',
      severity: 'warning',
      object: refOf('', object),
      path,
      message: `${message} (IST0101)`,
    })
    const namespace = namespaceOf(object)
    const unknown = (object.spec?.gateways ?? []).flatMap((name, at) => {
      if (name === 'mesh' || gateways.size === 0) return []
      const key = name.includes('/') ? name : `${namespace}/${name}`
      return gateways.has(key) ? [] : [problem(`spec.gateways[${at}]`, `there is no Gateway ${key}`)]
    })
    const astray = targetsOf(object).flatMap(([path, { host: written = '', port, subset = '' }]) => {
      const host = resolveHost(written, namespace)
      if (host === '') return []
      const named = services.filter((each) => each.visible(namespace) && hostCovers(each.host, host))
      if (services.length > 0 && named.length === 0) return [problem(`${path}.host`, `there is no service ${host}`)]
      const number = port?.number
      if (number !== undefined && named.length > 0 && !named.some(({ ports }) => ports.includes(number)))
        return [problem(`${path}.port.number`, `${host} has no port ${number}`)]
      if (subset === '' || subsets.size === 0 || subsets.get(host)?.has(subset)) return []
      return [problem(`${path}.subset`, `no DestinationRule has a subset ${subset} of ${host}`)]
    })
    return [...unknown, ...astray]
  })
}

/** A host that requests can be sent to. */
interface Service {
  readonly host: string
  readonly ports: readonly (number | undefined)[]
  readonly visible: (namespace: string) => boolean
}

function servicesOf(objects: readonly KubeObject[]): Service[] {
  const services = ofKind<ServiceObject>(objects, kinds.service).map((object): Service => {
    const host = serviceHost(object.metadata.name, namespaceOf(object))
    return { host, ports: (object.spec?.ports ?? []).map(({ port }) => port), visible: () => true }
  })
  const entries = ofKind<ServiceEntryObject>(objects, kinds.serviceEntry).flatMap((object) => {
    const { hosts = [], ports = [], exportTo = [] } = object.spec ?? {}
    const own = namespaceOf(object)
    const visible = (namespace: string): boolean =>
      exportTo.length === 0 || exportTo.some((to) => to === '*' || (to === '.' ? own : to) === namespace)
    return hosts.map((host): Service => ({ host, ports: ports.map(({ number }) => number), visible }))
  })
  return [...services, ...entries]
}

/** Where `kubectl apply` puts what names none. */
const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? 'default'

function subsetsOf(objects: readonly KubeObject[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const object of ofKind<DestinationRule>(objects, istioKinds.destinationRule)) {
    const { spec } = object
    const host = resolveHost(spec?.host ?? '', namespaceOf(object))
    const names = found.get(host) ?? new Set()
    for (const { name } of spec?.subsets ?? []) if (name !== undefined) names.add(name)
    found.set(host, names)
  }
  return found
}

/** Every destination of a VirtualService, with its path. */
function targetsOf({ spec }: VirtualService): [string, Target][] {
  const routes = (['http', 'tls', 'tcp'] as const).flatMap((kind) =>
    (spec?.[kind] ?? []).flatMap((rule, at) =>
      (rule.route ?? []).map(({ destination }, index): [string, Target] => [
        `spec.${kind}[${at}].route[${index}].destination`,
        destination ?? {},
      ]),
    ),
  )
  const mirrors = (spec?.http ?? []).flatMap(({ mirror, mirrors = [] }, at): [string, Target][] => [
    ...(mirror ? [[`spec.http[${at}].mirror`, mirror] as [string, Target]] : []),
    ...mirrors.map(({ destination }, index): [string, Target] => [
      `spec.http[${at}].mirrors[${index}].destination`,
      destination ?? {},
    ]),
  ])
  return [...routes, ...mirrors]
}

function ofKind<T extends KubeObject>(objects: readonly KubeObject[], kind: string): T[] {
  // The schema of a kind is what makes its type.
  return objects.filter((object) => groupKind(object) === kind) as T[]
}
