// Checks of pod specs, in pods and in templates, in the words of k8s.io/kubernetes/pkg/apis/core/validation.
import { parseQuantity } from '../codec/quantity.ts'
import { duplicate, type FieldError, invalid, notFoundField, notSupported, required } from '../errors.ts'
import { type JsonObject, type JsonValue, listAt, numberAt, objectAt, objectsAt, textAt } from '../json.ts'
import { checkWith, isConfigMapKey, isLabel, isSubdomain } from '../rest/names.ts'

const protocols = ['SCTP', 'TCP', 'UDP']

export const isPort = (value: JsonValue | undefined): boolean =>
  typeof value === 'number' && value >= 1 && value <= 65535
export const portRange = 'must be between 1 and 65535, inclusive'

/** Names of ports: lower case, with a letter, 15 characters at most. */
export function checkPortName(field: string, value: string): FieldError[] {
  const errors: string[] = []
  if (value.length > 15) errors.push('must be no more than 15 characters')
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)')
  if (value.includes('--')) errors.push('must not contain consecutive hyphens')
  if (/^-|-$/.test(value)) errors.push('must not begin or end with a hyphen')
  return errors.map((why) => invalid(field, value, why))
}

function checkPorts(ports: readonly JsonObject[], field: string): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, i) => {
    const at = `${field}[${i}]`
    const errors: FieldError[] = []
    const name = textAt(port, 'name')
    if (name) {
      errors.push(...checkPortName(`${at}.name`, name))
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
    }
    if (!numberAt(port, 'containerPort')) errors.push(required(`${at}.containerPort`))
    else if (!isPort(port['containerPort']))
      errors.push(invalid(`${at}.containerPort`, port['containerPort'], portRange))
    if (port['hostPort'] && !isPort(port['hostPort']))
      errors.push(invalid(`${at}.hostPort`, port['hostPort'], portRange))
    const protocol = textAt(port, 'protocol')
    if (!protocol) errors.push(required(`${at}.protocol`))
    else if (!protocols.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, protocols))
    return errors
  })
}

function checkEnv(env: readonly JsonObject[], field: string): FieldError[] {
  return env.flatMap((item, i) => {
    const at = `${field}[${i}]`
    const name = textAt(item, 'name')
    const errors: FieldError[] = []
    if (!name) errors.push(required(`${at}.name`))
    else if (!/^[ -<>-~]+$/.test(name)) {
      errors.push(
        invalid(
          `${at}.name`,
          name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      )
    }
    const source = objectAt(item, 'valueFrom')
    if (!source) return errors
    const kinds = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'].filter(
      (k) => source[k],
    )
    if (kinds.length === 0) {
      errors.push(
        invalid(
          `${at}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      )
    }
    if (textAt(item, 'value'))
      errors.push(invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'))
    if (kinds.length > 1)
      errors.push(invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'))
    for (const kind of ['configMapKeyRef', 'secretKeyRef']) {
      const ref = objectAt(source, kind)
      if (!ref) continue
      const key = textAt(ref, 'key')
      if (!key) errors.push(required(`${at}.valueFrom.${kind}.key`))
      else errors.push(...checkWith(isConfigMapKey, `${at}.valueFrom.${kind}.key`, key))
    }
    return errors
  })
}

function checkMounts(container: JsonObject, volumes: ReadonlySet<string>, field: string): FieldError[] {
  const paths = new Set<string>()
  return objectsAt(container, 'volumeMounts').flatMap((mount, i) => {
    const at = `${field}.volumeMounts[${i}]`
    const errors: FieldError[] = []
    const name = textAt(mount, 'name')
    const path = textAt(mount, 'mountPath')
    if (!name) errors.push(required(`${at}.name`))
    else if (!volumes.has(name)) errors.push(notFoundField(`${at}.name`, name))
    if (!path) errors.push(required(`${at}.mountPath`))
    else if (paths.has(path)) errors.push(invalid(`${at}.mountPath`, path, 'must be unique'))
    paths.add(path)
    return errors
  })
}

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc']

function checkHandler(handler: JsonObject, field: string, kinds: readonly string[]): FieldError[] {
  const given = kinds.filter((k) => objectAt(handler, k))
  const errors: FieldError[] = []
  if (given.length === 0) errors.push(required(field, 'must specify a handler type'))
  for (const kind of given.slice(1)) {
    errors.push({
      field: `${field}.${kind}`,
      reason: 'FieldValueForbidden',
      detail: 'Forbidden: may not specify more than 1 handler type',
    })
  }
  if (objectAt(handler, 'exec') && listAt(handler, 'exec', 'command').length === 0)
    errors.push(required(`${field}.exec.command`))
  for (const kind of ['httpGet', 'tcpSocket', 'grpc']) {
    const target = objectAt(handler, kind)
    if (!target) continue
    const port = target['port']
    if (typeof port === 'string') errors.push(...checkPortName(`${field}.${kind}.port`, port))
    else if (!isPort(port)) errors.push(invalid(`${field}.${kind}.port`, port ?? 0, portRange))
  }
  return errors
}

function checkProbes(container: JsonObject, field: string): FieldError[] {
  return ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((name) => {
    const probe = objectAt(container, name)
    if (!probe) return []
    const at = `${field}.${name}`
    const errors = checkHandler(probe, at, handlers)
    for (const key of [
      'initialDelaySeconds',
      'timeoutSeconds',
      'periodSeconds',
      'successThreshold',
      'failureThreshold',
    ]) {
      const value = numberAt(probe, key) ?? 0
      if (value < 0) errors.push(invalid(`${at}.${key}`, value, 'must be greater than or equal to 0'))
    }
    const successes = numberAt(probe, 'successThreshold') ?? 1
    if (name !== 'readinessProbe' && successes !== 1)
      errors.push(invalid(`${at}.successThreshold`, successes, 'must be 1'))
    return errors
  })
}

function checkResources(container: JsonObject, field: string): FieldError[] {
  const limits = objectAt(container, 'resources', 'limits') ?? {}
  const requests = objectAt(container, 'resources', 'requests') ?? {}
  const errors: FieldError[] = []
  for (const [name, limit] of Object.entries(limits)) {
    if (typeof limit === 'string' && limit.startsWith('-')) {
      errors.push(invalid(`${field}.resources.limits[${name}]`, limit, 'must be greater than or equal to 0'))
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    if (typeof request === 'string' && request.startsWith('-')) {
      errors.push(invalid(`${field}.resources.requests[${name}]`, request, 'must be greater than or equal to 0'))
    }
    const limit = limits[name]
    if (typeof limit === 'string' && typeof request === 'string' && exceeds(request, limit)) {
      errors.push(
        invalid(`${field}.resources.requests`, request, `must be less than or equal to ${name} limit of ${limit}`),
      )
    }
  }
  return errors
}

function checkContainer(container: JsonObject, volumes: ReadonlySet<string>, field: string): FieldError[] {
  const errors: FieldError[] = []
  const image = textAt(container, 'image')
  if (!image) errors.push(required(`${field}.image`))
  else if (image.trim() !== image)
    errors.push(invalid(`${field}.image`, image, 'must not have leading or trailing whitespace'))
  const policy = textAt(container, 'imagePullPolicy')
  const policies = ['Always', 'IfNotPresent', 'Never']
  errors.push(...checkPorts(objectsAt(container, 'ports'), `${field}.ports`))
  errors.push(...checkEnv(objectsAt(container, 'env'), `${field}.env`))
  errors.push(...checkMounts(container, volumes, field))
  if (!policies.includes(policy)) errors.push(notSupported(`${field}.imagePullPolicy`, policy, policies))
  errors.push(...checkResources(container, field), ...checkProbes(container, field))
  const lifecycle = objectAt(container, 'lifecycle')
  for (const hook of ['postStart', 'preStop']) {
    const handler = objectAt(lifecycle, hook)
    if (handler)
      errors.push(...checkHandler(handler, `${field}.lifecycle.${hook}`, ['exec', 'httpGet', 'tcpSocket', 'sleep']))
  }
  return errors
}

function checkName(container: JsonObject, field: string, taken: Set<string>): FieldError[] {
  const name = textAt(container, 'name')
  if (!name) return [required(`${field}.name`)]
  const errors = checkWith(isLabel, `${field}.name`, name)
  if (taken.has(name)) errors.push(duplicate(`${field}.name`, name))
  taken.add(name)
  return errors
}

const volumeSources = (volume: JsonObject): string[] =>
  Object.keys(volume).filter((k) => k !== 'name' && volume[k] !== null)

function checkVolumes(volumes: readonly JsonObject[], field: string): FieldError[] {
  const names = new Set<string>()
  return volumes.flatMap((volume, i) => {
    const at = `${field}[${i}]`
    const name = textAt(volume, 'name')
    const errors: FieldError[] = []
    if (!name) errors.push(required(`${at}.name`))
    else errors.push(...checkWith(isLabel, `${at}.name`, name))
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    names.add(name)
    for (const extra of volumeSources(volume).slice(1)) {
      errors.push({
        field: `${at}.${extra}`,
        reason: 'FieldValueForbidden',
        detail: 'Forbidden: may not specify more than 1 volume type',
      })
    }
    if (objectAt(volume, 'secret') && !textAt(volume, 'secret', 'secretName'))
      errors.push(required(`${at}.secret.secretName`))
    if (objectAt(volume, 'configMap') && !textAt(volume, 'configMap', 'name'))
      errors.push(required(`${at}.configMap.name`))
    if (objectAt(volume, 'hostPath') && !textAt(volume, 'hostPath', 'path'))
      errors.push(required(`${at}.hostPath.path`))
    return errors
  })
}

/** Checks a pod spec that stands at `field`. */
export function checkPodSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  const containers = objectsAt(spec, 'containers')
  const inits = objectsAt(spec, 'initContainers')
  const volumes = objectsAt(spec, 'volumes')
  const volumeNames = new Set(volumes.map((v) => textAt(v, 'name')))
  const taken = new Set<string>()
  const errors = checkVolumes(volumes, `${field}.volumes`)
  if (containers.length === 0) errors.push(required(`${field}.containers`))
  for (const [key, list] of [
    ['containers', containers],
    ['initContainers', inits],
  ] as const) {
    list.forEach((container, i) => {
      const at = `${field}.${key}[${i}]`
      errors.push(...checkName(container, at, taken), ...checkContainer(container, volumeNames, at))
    })
  }
  const oneOf = (key: string, values: readonly string[]): void => {
    const value = textAt(spec, key)
    if (!value) errors.push(required(`${field}.${key}`))
    else if (!values.includes(value)) errors.push(notSupported(`${field}.${key}`, value, values))
  }
  oneOf('restartPolicy', ['Always', 'OnFailure', 'Never'])
  oneOf('dnsPolicy', ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'])
  const grace = numberAt(spec, 'terminationGracePeriodSeconds')
  if (grace !== undefined && grace < 0)
    errors.push(invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'))
  const deadline = numberAt(spec, 'activeDeadlineSeconds')
  if (deadline !== undefined && deadline < 1)
    errors.push(invalid(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive'))
  const account = textAt(spec, 'serviceAccountName')
  if (account) errors.push(...checkWith(isSubdomain, `${field}.serviceAccountName`, account))
  const node = textAt(spec, 'nodeName')
  if (node) errors.push(...checkWith(isSubdomain, `${field}.nodeName`, node))
  return errors
}

/** Warnings about a pod spec that is valid all the same. */
export function podSpecWarnings(spec: JsonObject | undefined, field: string): string[] {
  const warnings: string[] = []
  for (const key of ['initContainers', 'containers']) {
    objectsAt(spec, key).forEach((container, i) => {
      const at = `${field}.${key}[${i}]`
      const env = objectsAt(container, 'env')
      env.forEach((item, n) => {
        const name = textAt(item, 'name')
        if (env.slice(0, n).some((e) => textAt(e, 'name') === name)) {
          warnings.push(
            `${at}.env[${n}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
          )
        }
      })
      const ports = objectsAt(container, 'ports')
      ports.forEach((port, n) => {
        const same = ports
          .slice(0, n)
          .findIndex(
            (p) =>
              numberAt(p, 'containerPort') === numberAt(port, 'containerPort') &&
              textAt(p, 'protocol') === textAt(port, 'protocol'),
          )
        if (same >= 0) warnings.push(`${at}.ports[${n}]: duplicate port definition with ${at}.ports[${same}]`)
      })
    })
  }
  return warnings
}

function exceeds(a: string, b: string): boolean {
  const [x, y] = [parseQuantity(a), parseQuantity(b)]
  return x !== undefined && y !== undefined && x.nano > y.nano
}
