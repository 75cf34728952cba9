// Tables of the other groups.
import { type JsonObject, listAt, numberAt, objectAt, objectsAt, textAt } from '../json.ts'
import type { Cell } from '../resource.ts'
import { selectorText } from '../rest/selectors.ts'
import { ageOf, table } from './columns.ts'

function ingressHosts(o: JsonObject): string {
  const hosts = objectsAt(o, 'spec', 'rules')
    .map((r) => textAt(r, 'host'))
    .filter(Boolean)
  if (hosts.length === 0) return '*'
  const more = hosts.length - 3
  return hosts.slice(0, 3).join(',') + (more > 0 ? ` + ${more} more...` : '')
}

export const ingressTable = table('Class,Hosts,Address,Ports,Age', (o) => [
  textAt(o, 'spec', 'ingressClassName') ||
    textAt(o, 'metadata', 'annotations', 'kubernetes.io/ingress.class') ||
    '<none>',
  ingressHosts(o),
  objectsAt(o, 'status', 'loadBalancer', 'ingress')
    .map((i) => textAt(i, 'ip') || textAt(i, 'hostname'))
    .join(','),
  listAt(o, 'spec', 'tls').length > 0 ? '80, 443' : '80',
  ageOf(o),
])

export const ingressClassTable = table('Controller,Parameters,Age', (o) => {
  const parameters = objectAt(o, 'spec', 'parameters')
  const group = textAt(parameters, 'apiGroup')
  const kind = textAt(parameters, 'kind')
  return [
    textAt(o, 'spec', 'controller'),
    parameters ? `${kind}${group ? `.${group}` : ''}/${textAt(parameters, 'name')}` : '<none>',
    ageOf(o),
  ]
})

export const networkPolicyTable = table('Pod-Selector,Age', (o) => [
  selectorText(objectAt(o, 'spec', 'podSelector')),
  ageOf(o),
])

function subjectNames(o: JsonObject, kind: string): string {
  return objectsAt(o, 'subjects')
    .filter((s) => textAt(s, 'kind') === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${textAt(s, 'namespace')}/${textAt(s, 'name')}` : textAt(s, 'name')))
    .join(', ')
}

export const bindingTable = table('Role,Age|Users,Groups,ServiceAccounts', (o) => [
  `${textAt(o, 'roleRef', 'kind')}/${textAt(o, 'roleRef', 'name')}`,
  ageOf(o),
  subjectNames(o, 'User'),
  subjectNames(o, 'Group'),
  subjectNames(o, 'ServiceAccount'),
])

export const createdAtTable = table('Created At:date', (o) => [textAt(o, 'metadata', 'creationTimestamp')])

export const leaseTable = table('Holder,Age', (o) => [textAt(o, 'spec', 'holderIdentity'), ageOf(o)])

const amount = (o: JsonObject, key: string): Cell => {
  const value = objectAt(o, 'spec')?.[key]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'N/A'
}

export const disruptionBudgetTable = table('Min Available,Max Unavailable,Allowed Disruptions:integer,Age', (o) => [
  amount(o, 'minAvailable'),
  amount(o, 'maxUnavailable'),
  numberAt(o, 'status', 'disruptionsAllowed') ?? 0,
  ageOf(o),
])

export const storageClassTable = table(
  'Provisioner,ReclaimPolicy,VolumeBindingMode,AllowVolumeExpansion:boolean,Age',
  (o) => [
    textAt(o, 'provisioner'),
    textAt(o, 'reclaimPolicy') || 'Delete',
    textAt(o, 'volumeBindingMode') || 'Immediate',
    o['allowVolumeExpansion'] === true,
    ageOf(o),
  ],
)

export const priorityClassTable = table('Value:integer,Global-Default:boolean,Age,PreemptionPolicy', (o) => [
  numberAt(o, 'value') ?? 0,
  o['globalDefault'] === true,
  ageOf(o),
  textAt(o, 'preemptionPolicy') || 'PreemptLowerPriority',
])

export const webhooksTable = table('Webhooks:integer,Age', (o) => [listAt(o, 'webhooks').length, ageOf(o)])

export const runtimeClassTable = table('Handler,Age', (o) => [textAt(o, 'handler'), ageOf(o)])

function metricText(metric: JsonObject, current: JsonObject | undefined): string {
  const name = textAt(metric, 'resource', 'name')
  const wanted = objectAt(metric, 'resource', 'target')
  const now = objectAt(current, 'resource', 'current')
  if (textAt(wanted, 'type') === 'Utilization') {
    const value = numberAt(now, 'averageUtilization')
    return `${name}: ${value === undefined ? '<unknown>' : `${value}%`}/${numberAt(wanted, 'averageUtilization') ?? 0}%`
  }
  return `${name}: ${textAt(now, 'averageValue') || '<unknown>'}/${textAt(wanted, 'averageValue')}`
}

export const autoscalerTable = table('Reference,Targets,MinPods,MaxPods,Replicas,Age', (o) => {
  const metrics = objectsAt(o, 'spec', 'metrics')
  const current = objectsAt(o, 'status', 'currentMetrics')
  const texts = metrics.map((m, i) => metricText(m, current[i]))
  return [
    `${textAt(o, 'spec', 'scaleTargetRef', 'kind')}/${textAt(o, 'spec', 'scaleTargetRef', 'name')}`,
    texts.length > 0 ? texts.join(', ') : '<none>',
    String(numberAt(o, 'spec', 'minReplicas') ?? '<unset>'),
    String(numberAt(o, 'spec', 'maxReplicas') ?? 0),
    String(numberAt(o, 'status', 'currentReplicas') ?? 0),
    ageOf(o),
  ]
})

function csrCondition(o: JsonObject): string {
  const types = objectsAt(o, 'status', 'conditions').map((c) => textAt(c, 'type'))
  const words = [types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending']
  if (types.includes('Failed')) words.push('Failed')
  if (textAt(o, 'status', 'certificate')) words.push('Issued')
  return words.join(',')
}

export const signingRequestTable = table('Age,SignerName,Requestor,RequestedDuration,Condition', (o) => {
  const seconds = numberAt(o, 'spec', 'expirationSeconds')
  return [
    ageOf(o),
    textAt(o, 'spec', 'signerName'),
    textAt(o, 'spec', 'username'),
    seconds === undefined ? '<none>' : `${seconds}s`,
    csrCondition(o),
  ]
})
