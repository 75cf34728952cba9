// Rules of the kinds outside core, apps and batch.
import { type FieldError, invalid, notSupported, required } from '../errors.ts'
import {
  ensureObject,
  equal,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  objectsAt,
  setDefault,
  textAt,
} from '../json.ts'
import type { Strategy } from '../resource.ts'
import { checkWith, isSubdomain } from '../rest/names.ts'
import { checkPortName } from './pod-checks.ts'

const addressTypes = ['IPv4', 'IPv6', 'FQDN']
const ipv4 = /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/

export const endpointSliceStrategy: Strategy = {
  generation: true,
  defaults(slice) {
    for (const port of objectsAt(slice, 'ports')) {
      setDefault(port, 'name', '')
      setDefault(port, 'protocol', 'TCP')
    }
  },
  validate(slice, old) {
    const type = textAt(slice, 'addressType')
    const errors: FieldError[] = []
    if (!type) errors.push(required('addressType'))
    else if (!addressTypes.includes(type)) errors.push(notSupported('addressType', type, [...addressTypes].sort()))
    objectsAt(slice, 'endpoints').forEach((endpoint, i) => {
      const addresses = listAt(endpoint, 'addresses')
      const at = `endpoints[${i}].addresses`
      if (addresses.length === 0) errors.push(required(at, 'must contain at least 1 address'))
      addresses.forEach((address, n) => {
        if (typeof address !== 'string') return
        if (type === 'IPv4' && !ipv4.test(address))
          errors.push(invalid(`${at}[${n}]`, address, 'must be a valid IPv4 address'))
        if (type === 'FQDN') errors.push(...checkWith(isSubdomain, `${at}[${n}]`, address))
      })
    })
    objectsAt(slice, 'ports').forEach((port, i) => {
      const name = textAt(port, 'name')
      if (name) errors.push(...checkPortName(`ports[${i}].name`, name).slice(0, name.length > 15 ? 0 : undefined))
      const protocol = textAt(port, 'protocol')
      if (!['SCTP', 'TCP', 'UDP'].includes(protocol))
        errors.push(notSupported(`ports[${i}].protocol`, protocol, ['SCTP', 'TCP', 'UDP']))
    })
    if (old && textAt(old, 'addressType') !== type) errors.push(invalid('addressType', type, 'field is immutable'))
    return errors
  },
}

export const networkPolicyStrategy: Strategy = {
  generation: true,
  defaults(policy) {
    const spec = ensureObject(policy, 'spec')
    for (const rule of [...objectsAt(spec, 'ingress'), ...objectsAt(spec, 'egress')]) {
      for (const port of objectsAt(rule, 'ports')) setDefault(port, 'protocol', 'TCP')
    }
    if (listAt(spec, 'policyTypes').length === 0) {
      spec['policyTypes'] = listAt(spec, 'egress').length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
    }
  },
}

export const ingressStrategy: Strategy = {
  generation: true,
  validate(ingress) {
    const spec = objectAt(ingress, 'spec')
    const rules = objectsAt(spec, 'rules')
    const errors: FieldError[] = []
    if (rules.length === 0 && !objectAt(spec, 'defaultBackend')) {
      errors.push(invalid('spec', undefined, 'either `defaultBackend` or `rules` must be specified'))
    }
    rules.forEach((rule, r) => {
      const paths = objectsAt(rule, 'http', 'paths')
      if (objectAt(rule, 'http') && paths.length === 0) errors.push(required(`spec.rules[${r}].http.paths`))
      paths.forEach((path, p) => {
        const at = `spec.rules[${r}].http.paths[${p}]`
        const type = textAt(path, 'pathType')
        const types = ['Exact', 'ImplementationSpecific', 'Prefix']
        if (!type) errors.push(required(`${at}.pathType`, 'pathType must be specified'))
        else if (!types.includes(type)) errors.push(notSupported(`${at}.pathType`, type, types))
        const value = textAt(path, 'path')
        if (type !== 'ImplementationSpecific' && !value.startsWith('/'))
          errors.push(invalid(`${at}.path`, value, 'must be an absolute path'))
      })
    })
    return errors
  },
}

export const leaseStrategy: Strategy = {
  needsVersion: true,
  createOnUpdate: true,
  validate(lease) {
    const errors: FieldError[] = []
    const seconds = numberAt(lease, 'spec', 'leaseDurationSeconds')
    if (seconds !== undefined && seconds <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
    }
    const transitions = numberAt(lease, 'spec', 'leaseTransitions')
    if (transitions !== undefined && transitions < 0) {
      errors.push(invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'))
    }
    return errors
  },
}

const rbacGroup = 'rbac.authorization.k8s.io'

function checkRules(rules: readonly JsonObject[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => {
    const at = `rules[${i}]`
    const errors: FieldError[] = []
    if (listAt(rule, 'verbs').length === 0)
      errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'))
    if (listAt(rule, 'nonResourceURLs').length > 0) {
      if (namespaced)
        errors.push(
          invalid(
            `${at}.nonResourceURLs`,
            listAt(rule, 'nonResourceURLs'),
            'namespaced rules cannot apply to non-resource URLs',
          ),
        )
      return errors
    }
    if (listAt(rule, 'apiGroups').length === 0)
      errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'))
    if (listAt(rule, 'resources').length === 0)
      errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'))
    return errors
  })
}

export const roleStrategy = (namespaced: boolean): Strategy => ({
  nameRule: 'path',
  createOnUpdate: true,
  validate: (role) => checkRules(objectsAt(role, 'rules'), namespaced),
})

export const roleBindingStrategy = (namespaced: boolean): Strategy => ({
  nameRule: 'path',
  createOnUpdate: true,
  defaults(binding) {
    const ref = ensureObject(binding, 'roleRef')
    if (!textAt(ref, 'apiGroup')) ref['apiGroup'] = rbacGroup
    for (const subject of objectsAt(binding, 'subjects')) {
      const kind = textAt(subject, 'kind')
      if ((kind === 'User' || kind === 'Group') && !textAt(subject, 'apiGroup')) subject['apiGroup'] = rbacGroup
    }
  },
  validate(binding, old) {
    const errors: FieldError[] = []
    const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
    const kind = textAt(binding, 'roleRef', 'kind')
    if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind, kinds))
    if (!textAt(binding, 'roleRef', 'name')) errors.push(required('roleRef.name'))
    objectsAt(binding, 'subjects').forEach((subject, i) => {
      const at = `subjects[${i}]`
      const subjectKind = textAt(subject, 'kind')
      if (!textAt(subject, 'name')) errors.push(required(`${at}.name`))
      if (!['ServiceAccount', 'User', 'Group'].includes(subjectKind)) {
        errors.push(notSupported(`${at}.kind`, subjectKind, ['ServiceAccount', 'User', 'Group']))
      }
      if (subjectKind === 'ServiceAccount' && !namespaced && !textAt(subject, 'namespace'))
        errors.push(required(`${at}.namespace`))
    })
    if (old && !equal(old['roleRef'], binding['roleRef'])) {
      errors.push(invalid('roleRef', binding['roleRef'] ?? null, 'cannot change roleRef'))
    }
    return errors
  },
})

export const disruptionBudgetStrategy: Strategy = {
  needsVersion: true,
  generation: true,
  validate(budget) {
    const spec = objectAt(budget, 'spec')
    if (spec?.['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined) {
      return [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
    }
    return []
  },
}

export const autoscalerStrategy: Strategy = {
  defaults(autoscaler) {
    const spec = ensureObject(autoscaler, 'spec')
    setDefault(spec, 'minReplicas', 1)
    if (listAt(spec, 'metrics').length === 0) {
      spec['metrics'] = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ]
    }
  },
  validate(autoscaler) {
    const spec = objectAt(autoscaler, 'spec')
    const [min, max] = [numberAt(spec, 'minReplicas') ?? 1, numberAt(spec, 'maxReplicas') ?? 0]
    const errors: FieldError[] = []
    if (min < 1) errors.push(invalid('spec.minReplicas', min, 'must be greater than or equal to 1'))
    if (max < 1) errors.push(invalid('spec.maxReplicas', max, 'must be greater than 0'))
    if (max < min) errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'))
    return errors
  },
}

export const autoscalerV1Strategy: Strategy = {
  defaults: (autoscaler) => setDefault(ensureObject(autoscaler, 'spec'), 'minReplicas', 1),
  validate: (autoscaler, old) => autoscalerStrategy.validate?.(autoscaler, old) ?? [],
}

export const storageClassStrategy: Strategy = {
  defaults(storageClass) {
    setDefault(storageClass, 'reclaimPolicy', 'Delete')
    setDefault(storageClass, 'volumeBindingMode', 'Immediate')
  },
  validate(storageClass, old) {
    if (!textAt(storageClass, 'provisioner')) return [required('provisioner')]
    if (!old) return []
    return ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode']
      .filter((key) => !equal(storageClass[key], old[key]))
      .map((key) => invalid(key, storageClass[key] ?? null, 'field is immutable'))
  },
}

export const priorityClassStrategy: Strategy = {
  generation: true,
  defaults: (o) => setDefault(o, 'preemptionPolicy', 'PreemptLowerPriority'),
}

export const webhookStrategy = (mutating: boolean): Strategy => ({
  needsVersion: true,
  generation: true,
  defaults(configuration) {
    for (const webhook of objectsAt(configuration, 'webhooks')) {
      setDefault(webhook, 'failurePolicy', 'Fail')
      setDefault(webhook, 'matchPolicy', 'Equivalent')
      setDefault(webhook, 'namespaceSelector', {})
      setDefault(webhook, 'objectSelector', {})
      setDefault(webhook, 'timeoutSeconds', 10)
      if (mutating) setDefault(webhook, 'reinvocationPolicy', 'Never')
      const service = objectAt(webhook, 'clientConfig', 'service')
      if (service) setDefault(service, 'port', 443)
      for (const rule of objectsAt(webhook, 'rules')) setDefault(rule, 'scope', '*')
    }
  },
  validate(configuration) {
    return objectsAt(configuration, 'webhooks').flatMap((webhook, i) => {
      const at = `webhooks[${i}]`
      const errors: FieldError[] = []
      const name = textAt(webhook, 'name')
      if (!name.includes('.') || name.split('.').length < 3) {
        errors.push(invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots'))
      }
      const versions = listAt(webhook, 'admissionReviewVersions')
      if (versions.length === 0)
        errors.push(required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1'))
      const effects = textAt(webhook, 'sideEffects')
      if (!effects) errors.push(required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'))
      else if (!['None', 'NoneOnDryRun'].includes(effects))
        errors.push(notSupported(`${at}.sideEffects`, effects, ['None', 'NoneOnDryRun']))
      const client = objectAt(webhook, 'clientConfig')
      const kinds = ['service', 'url'].filter((k) => client?.[k] !== undefined)
      if (kinds.length !== 1) errors.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'))
      return errors
    })
  },
})
