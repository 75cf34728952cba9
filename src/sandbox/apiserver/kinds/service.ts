// Services: defaults, checks, and what changes with their type. Addresses and node ports are in service-pool.ts.
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../errors.ts'
import { ensureObject, equal, type JsonObject, numberAt, objectAt, objectsAt, setDefault, textAt } from '../json.ts'
import type { Strategy } from '../resource.ts'
import { checkLabels, checkWith, isLabel, isQualifiedName, isSubdomain } from '../rest/names.ts'
import { checkPortName, isPort, portRange } from './pod-checks.ts'

export const typeOfService = (service: JsonObject): string => textAt(service, 'spec', 'type')
export const isHeadless = (service: JsonObject): boolean => textAt(service, 'spec', 'clusterIP') === 'None'
/** Whether the type comes with an address of its own. */
export const wantsAddress = (service: JsonObject): boolean =>
  typeOfService(service) !== 'ExternalName' && !isHeadless(service)
export const wantsNodePorts = (service: JsonObject): boolean =>
  typeOfService(service) === 'NodePort' ||
  (typeOfService(service) === 'LoadBalancer' && objectAt(service, 'spec')?.['allocateLoadBalancerNodePorts'] !== false)

function serviceDefaults(service: JsonObject): void {
  const spec = ensureObject(service, 'spec')
  setDefault(spec, 'sessionAffinity', 'None')
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig']
  if (spec['sessionAffinity'] === 'ClientIP')
    setDefault(ensureObject(spec, 'sessionAffinityConfig', 'clientIP'), 'timeoutSeconds', 10800)
  setDefault(spec, 'type', 'ClusterIP')
  for (const port of objectsAt(spec, 'ports')) {
    setDefault(port, 'protocol', 'TCP')
    const target = port['targetPort']
    if (target === undefined || target === 0 || target === '') port['targetPort'] = port['port'] ?? 0
  }
  const type = spec['type']
  if (type === 'NodePort' || type === 'LoadBalancer') setDefault(spec, 'externalTrafficPolicy', 'Cluster')
  if (type !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster')
  if (type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true)
}

const ownFields = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']

/** Fields that only the former type had are dropped where the user left them as they were. */
function dropTypeFields(next: JsonObject, old: JsonObject): void {
  const spec = ensureObject(next, 'spec')
  const before = objectAt(old, 'spec') ?? {}
  const unchanged = (key: string): boolean => equal(spec[key], before[key])
  if (wantsAddress(old) && !wantsAddress(next) && typeOfService(next) === 'ExternalName') {
    for (const key of ownFields) if (unchanged(key)) delete spec[key]
  }
  if (wantsNodePorts(old) && !wantsNodePorts(next)) {
    const oldPorts = objectsAt(before, 'ports')
    objectsAt(spec, 'ports').forEach((port) => {
      if (oldPorts.some((p) => p['nodePort'] === port['nodePort'])) delete port['nodePort']
    })
  }
  const external = (service: JsonObject): boolean => ['NodePort', 'LoadBalancer'].includes(typeOfService(service))
  if (external(old) && !external(next) && unchanged('externalTrafficPolicy')) delete spec['externalTrafficPolicy']
  if (typeOfService(old) === 'LoadBalancer' && typeOfService(next) !== 'LoadBalancer') {
    for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass', 'loadBalancerSourceRanges']) {
      if (unchanged(key)) delete spec[key]
    }
  }
  if (typeOfService(old) === 'ExternalName' && typeOfService(next) !== 'ExternalName' && unchanged('externalName'))
    delete spec['externalName']
  if (typeOfService(next) === 'ExternalName' && unchanged('internalTrafficPolicy')) delete spec['internalTrafficPolicy']
}

/** Addresses that an update leaves out stay as they are. */
function keepAddresses(next: JsonObject, old: JsonObject): void {
  if (!wantsAddress(next) && !isHeadless(next)) return
  const spec = ensureObject(next, 'spec')
  const before = objectAt(old, 'spec') ?? {}
  if (typeOfService(old) === 'ExternalName') return
  const given = textAt(spec, 'clusterIP')
  for (const key of ownFields) if (spec[key] === undefined && before[key] !== undefined) spec[key] = before[key]
  if (given && given !== textAt(before, 'clusterIP') && equal(spec['clusterIPs'], before['clusterIPs']))
    spec['clusterIPs'] = [given]
  const oldPorts = objectsAt(before, 'ports')
  if (!wantsNodePorts(next)) return
  for (const port of objectsAt(spec, 'ports')) {
    const same = oldPorts.find((p) => p['port'] === port['port'] && p['protocol'] === port['protocol'])
    if (!port['nodePort'] && same?.['nodePort']) port['nodePort'] = same['nodePort']
  }
}

function checkPorts(service: JsonObject): FieldError[] {
  const ports = objectsAt(service, 'spec', 'ports')
  const errors: FieldError[] = []
  const names = new Set<string>()
  const pairs = new Set<string>()
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`
    const name = textAt(port, 'name')
    if (ports.length > 1 && !name) errors.push(required(`${at}.name`))
    else if (name) {
      errors.push(...checkWith(isLabel, `${at}.name`, name))
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
    }
    if (!isPort(port['port'])) errors.push(invalid(`${at}.port`, port['port'] ?? 0, portRange))
    const protocol = textAt(port, 'protocol')
    if (!['SCTP', 'TCP', 'UDP'].includes(protocol))
      errors.push(notSupported(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']))
    const target = port['targetPort']
    if (typeof target === 'number' && !isPort(target)) errors.push(invalid(`${at}.targetPort`, target, portRange))
    if (typeof target === 'string') errors.push(...checkPortName(`${at}.targetPort`, target))
    const app = textAt(port, 'appProtocol')
    if (app) errors.push(...isQualifiedName(app).map((why) => invalid(`${at}.appProtocol`, app, why)))
    if (!wantsNodePorts(service) && numberAt(port, 'nodePort') && typeOfService(service) !== 'LoadBalancer') {
      errors.push(forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
    }
    const pair = `${protocol}/${numberAt(port, 'port') ?? 0}`
    if (pairs.has(pair)) errors.push(duplicate(at, { port: port['port'] ?? 0, protocol }))
    pairs.add(pair)
  })
  return errors
}

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']

function checkService(service: JsonObject, old: JsonObject | undefined): FieldError[] {
  const spec = objectAt(service, 'spec')
  const type = typeOfService(service)
  const errors: FieldError[] = []
  if (objectsAt(spec, 'ports').length === 0 && !isHeadless(service) && type !== 'ExternalName')
    errors.push(required('spec.ports'))
  if (type === 'LoadBalancer' && isHeadless(service)) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"))
  }
  if (type === 'NodePort' && isHeadless(service)) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"))
  }
  if (type === 'ExternalName') {
    const name = textAt(spec, 'externalName').replace(/\.$/, '')
    if (textAt(spec, 'clusterIP'))
      errors.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'))
    if (name) errors.push(...checkWith(isSubdomain, 'spec.externalName', name))
    else errors.push(required('spec.externalName'))
  }
  errors.push(...checkPorts(service), ...checkLabels(spec?.['selector'], 'spec.selector'))
  const affinity = textAt(spec, 'sessionAffinity')
  if (!['ClientIP', 'None'].includes(affinity))
    errors.push(notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']))
  if (!types.includes(type)) errors.push(notSupported('spec.type', type, types))
  const policy = (key: string): void => {
    const value = textAt(spec, key)
    if (value && !['Cluster', 'Local'].includes(value))
      errors.push(notSupported(`spec.${key}`, value, ['Cluster', 'Local']))
  }
  policy('externalTrafficPolicy')
  policy('internalTrafficPolicy')
  if (textAt(spec, 'externalTrafficPolicy') && type !== 'NodePort' && type !== 'LoadBalancer') {
    errors.push(
      invalid(
        'spec.externalTrafficPolicy',
        textAt(spec, 'externalTrafficPolicy'),
        'may only be set for externally-accessible services',
      ),
    )
  }
  if (old && wantsAddress(old) && wantsAddress(service)) {
    const [before, after] = [textAt(old, 'spec', 'clusterIP'), textAt(spec, 'clusterIP')]
    if (before && after !== before)
      errors.push(invalid('spec.clusterIPs[0]', after ? [after] : null, 'may not change once set'))
  }
  return errors
}

export const serviceStrategy: Strategy = {
  nameRule: 'label1035',
  returnsDeleted: true,
  defaults: serviceDefaults,
  prepareUpdate(next, old) {
    dropTypeFields(next, old)
    keepAddresses(next, old)
    if (typeOfService(next) !== 'LoadBalancer') next['status'] = { loadBalancer: {} }
  },
  validate: checkService,
}

export const serviceFields = {
  'spec.clusterIP': (service: JsonObject): string => textAt(service, 'spec', 'clusterIP'),
  'spec.type': typeOfService,
}
