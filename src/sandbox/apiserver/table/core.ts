// Tables of the core group.
import { type JsonObject, listAt, numberAt, objectAt, objectsAt, stringMap, textAt } from '../json.ts'
import type { TablePrinter } from '../resource.ts'
import { age } from './age.ts'
import { ageOf, containerCells, labelsText, orNone, table } from './columns.ts'

const size = (object: JsonObject, ...keys: string[]): number =>
  keys.reduce((n, key) => n + Object.keys(objectAt(object, key) ?? {}).length, 0)

export const configMapTable = table('Data,Age', (o) => [String(size(o, 'data', 'binaryData')), ageOf(o)])
export const secretTable = table('Type,Data,Age', (o) => [textAt(o, 'type'), String(size(o, 'data')), ageOf(o)])
export const serviceAccountTable = table('Secrets,Age', (o) => [String(listAt(o, 'secrets').length), ageOf(o)])
export const namespaceTable = table('Status,Age', (o) => [textAt(o, 'status', 'phase'), ageOf(o)])

function externalAddress(service: JsonObject): string {
  const given = listAt(service, 'spec', 'externalIPs').filter((ip) => typeof ip === 'string')
  switch (textAt(service, 'spec', 'type')) {
    case 'ExternalName':
      return textAt(service, 'spec', 'externalName')
    case 'LoadBalancer': {
      const ingress = objectsAt(service, 'status', 'loadBalancer', 'ingress').map(
        (i) => textAt(i, 'ip') || textAt(i, 'hostname'),
      )
      const all = [...ingress, ...given]
      return all.length > 0 ? all.join(',') : '<pending>'
    }
    default:
      return given.length > 0 ? given.join(',') : '<none>'
  }
}

function servicePorts(service: JsonObject): string {
  const ports = objectsAt(service, 'spec', 'ports').map((p) => {
    const node = numberAt(p, 'nodePort') ?? 0
    return `${numberAt(p, 'port') ?? 0}${node > 0 ? `:${node}` : ''}/${textAt(p, 'protocol')}`
  })
  return ports.length > 0 ? ports.join(',') : '<none>'
}

export const serviceTable = table('Type,Cluster-IP,External-IP,Port(s),Age|Selector', (o) => [
  textAt(o, 'spec', 'type'),
  orNone(textAt(listAt(o, 'spec', 'clusterIPs')[0]) || textAt(o, 'spec', 'clusterIP')),
  externalAddress(o),
  servicePorts(o),
  ageOf(o),
  labelsText(objectAt(o, 'spec', 'selector')),
])

/** The first three of a list, and how many more there are. */
function firstThree(list: readonly string[]): string {
  const rest = list.length - 3
  return list.slice(0, 3).join(',') + (rest > 0 ? ` + ${rest} more...` : '')
}

function endpointsText(object: JsonObject): string {
  const subsets = objectsAt(object, 'subsets')
  if (subsets.length === 0) return '<none>'
  const all = subsets.flatMap((subset) => {
    const addresses = objectsAt(subset, 'addresses').map((a) => textAt(a, 'ip'))
    const ports = objectsAt(subset, 'ports')
    return ports.length === 0
      ? addresses
      : ports.flatMap((p) => addresses.map((ip) => `${ip}:${numberAt(p, 'port') ?? 0}`))
  })
  return firstThree(all)
}

export const endpointsTable = table('Endpoints,Age', (o) => [endpointsText(o), ageOf(o)])

export const endpointSliceTable = table('AddressType,Ports,Endpoints,Age', (o) => {
  const ports = objectsAt(o, 'ports').map((p) => (p['port'] === undefined ? '*' : String(numberAt(p, 'port') ?? 0)))
  const addresses = objectsAt(o, 'endpoints').flatMap((e) =>
    listAt(e, 'addresses').filter((a) => typeof a === 'string'),
  )
  return [
    textAt(o, 'addressType'),
    ports.length > 0 ? firstThree(ports) : '<unset>',
    addresses.length > 0 ? firstThree(addresses) : '<unset>',
    ageOf(o),
  ]
})

function nodeStatus(node: JsonObject): string {
  const ready = objectsAt(node, 'status', 'conditions').find((c) => textAt(c, 'type') === 'Ready')
  const words = [!ready ? 'Unknown' : textAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady']
  if (objectAt(node, 'spec')?.['unschedulable'] === true) words.push('SchedulingDisabled')
  return words.join(',')
}

function nodeRoles(node: JsonObject): string {
  const roles = Object.entries(stringMap(objectAt(node, 'metadata', 'labels'))).flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)]
    return key === 'kubernetes.io/role' && value ? [value] : []
  })
  return roles.length > 0 ? roles.sort().join(',') : '<none>'
}

const nodeAddress = (node: JsonObject, type: string): string =>
  orNone(
    textAt(
      objectsAt(node, 'status', 'addresses').find((a) => textAt(a, 'type') === type),
      'address',
    ),
  )

export const nodeTable = table(
  'Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime',
  (o) => {
    const system = (key: string): string => textAt(o, 'status', 'nodeInfo', key) || '<unknown>'
    return [
      nodeStatus(o),
      nodeRoles(o),
      ageOf(o),
      textAt(o, 'status', 'nodeInfo', 'kubeletVersion'),
      nodeAddress(o, 'InternalIP'),
      nodeAddress(o, 'ExternalIP'),
      system('osImage'),
      system('kernelVersion'),
      system('containerRuntimeVersion'),
    ]
  },
)

function eventSource(event: JsonObject): string {
  const component = textAt(event, 'source', 'component') || textAt(event, 'reportingComponent')
  const host = textAt(event, 'source', 'host') || textAt(event, 'reportingInstance')
  return host ? `${component}, ${host}` : component
}

/** Events: the columns are not led by the name. */
export const eventTable: TablePrinter = {
  columns: [
    { name: 'Last Seen', type: 'string' },
    { name: 'Type', type: 'string' },
    { name: 'Reason', type: 'string' },
    { name: 'Object', type: 'string' },
    { name: 'Subobject', type: 'string', priority: 1 },
    { name: 'Source', type: 'string', priority: 1 },
    { name: 'Message', type: 'string' },
    { name: 'First Seen', type: 'string', priority: 1 },
    { name: 'Count', type: 'string', priority: 1 },
    { name: 'Name', type: 'string', format: 'name', priority: 1 },
  ],
  cells(o) {
    const time = textAt(o, 'eventTime')
    const first = textAt(o, 'firstTimestamp') || time
    const series = objectAt(o, 'series')
    const last = textAt(series, 'lastObservedTime') || textAt(o, 'lastTimestamp') || first
    const count = numberAt(series, 'count') ?? (numberAt(o, 'count') || 1)
    const kind = textAt(o, 'involvedObject', 'kind').toLowerCase()
    const name = textAt(o, 'involvedObject', 'name')
    return [
      age(last),
      textAt(o, 'type'),
      textAt(o, 'reason'),
      name ? `${kind}/${name}` : kind,
      textAt(o, 'involvedObject', 'fieldPath'),
      eventSource(o),
      textAt(o, 'message').trim(),
      age(first),
      String(count),
      textAt(o, 'metadata', 'name'),
    ]
  },
}

const modes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}
const accessModes = (o: JsonObject | undefined, key = 'accessModes'): string =>
  listAt(o, key)
    .map((m) => (typeof m === 'string' ? (modes[m] ?? m) : ''))
    .join(',')

export const volumeTable = table(
  'Capacity,Access Modes,Reclaim Policy,Status,Claim,StorageClass,VolumeAttributesClass,Reason,Age|VolumeMode',
  (o) => {
    const spec = objectAt(o, 'spec')
    const claim = objectAt(spec, 'claimRef')
    return [
      textAt(spec, 'capacity', 'storage'),
      accessModes(spec),
      textAt(spec, 'persistentVolumeReclaimPolicy'),
      textAt(o, 'metadata', 'deletionTimestamp') ? 'Terminating' : textAt(o, 'status', 'phase'),
      claim ? `${textAt(claim, 'namespace')}/${textAt(claim, 'name')}` : '',
      textAt(spec, 'storageClassName'),
      textAt(spec, 'volumeAttributesClassName') || '<unset>',
      textAt(o, 'status', 'reason'),
      ageOf(o),
      textAt(spec, 'volumeMode') || '<unset>',
    ]
  },
)

export const claimTable = table(
  'Status,Volume,Capacity,Access Modes,StorageClass,VolumeAttributesClass,Age|VolumeMode',
  (o) => {
    const bound = textAt(o, 'spec', 'volumeName') !== ''
    return [
      textAt(o, 'metadata', 'deletionTimestamp') ? 'Terminating' : textAt(o, 'status', 'phase'),
      textAt(o, 'spec', 'volumeName'),
      bound ? textAt(o, 'status', 'capacity', 'storage') : '',
      bound ? accessModes(objectAt(o, 'status')) : '',
      textAt(o, 'spec', 'storageClassName'),
      textAt(o, 'spec', 'volumeAttributesClassName') || '<unset>',
      ageOf(o),
      textAt(o, 'spec', 'volumeMode') || '<unset>',
    ]
  },
)

export const podTemplateTable = table('Containers,Images,Pod Labels', (o) => [
  ...containerCells(objectAt(o, 'template', 'spec')),
  labelsText(objectAt(o, 'template', 'metadata', 'labels')),
])

export const quotaTable = table('Request,Limit,Age', (o) => {
  const hard = stringMap(objectAt(o, 'status', 'hard'))
  const used = stringMap(objectAt(o, 'status', 'used'))
  const text = (limits: boolean): string =>
    Object.keys(hard)
      .filter((key) => key.startsWith('limits') === limits)
      .sort()
      .map((key) => `${key}: ${used[key] ?? '0'}/${hard[key]}`)
      .join(', ')
  return [text(false), text(true), ageOf(o)]
})

export const limitRangeTable = table('Created At', (o) => [textAt(o, 'metadata', 'creationTimestamp')])
