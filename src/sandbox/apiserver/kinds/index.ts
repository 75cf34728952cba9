// All built-in kinds, group by group.

import { definitionResource } from '../crd/definition.ts'
import { type JsonObject, numberAt, textAt } from '../json.ts'
import type { Resource } from '../resource.ts'
import { reviews } from '../rest/reviews.ts'
import * as coreTables from '../table/core.ts'
import * as otherTables from '../table/others.ts'
import { podTable } from '../table/pods.ts'
import * as workloadTables from '../table/workloads.ts'
import { fromV1, toV1 } from './autoscaling.ts'
import { cronJobStrategy, jobStrategy } from './batch.ts'
import * as coreKinds from './core-kinds.ts'
import { type BuiltinKind, defineBuiltin } from './define.ts'
import {
  coreEventStrategy,
  eventFields,
  eventToCore,
  eventToNewGroup,
  newEventFields,
  newEventStrategy,
} from './events.ts'
import * as otherKinds from './other-kinds.ts'
import { podFields, podStrategy } from './pod.ts'
import { serviceFields, serviceStrategy } from './service.ts'
import * as workloads from './workloads.ts'

type Rest = Omit<BuiltinKind, 'group' | 'version' | 'kind' | 'plural'>

/** A maker of kinds of one group and version. */
const inGroup =
  (group: string, version: string) =>
  (kind: string, plural: string, rest: Rest = {}): BuiltinKind => ({ group, version, kind, plural, ...rest })

const notSupported = (field: string): string => `field label not supported: ${field}`
const status = (key: string) => (o: JsonObject) => textAt(o, 'status', key)
const statusNumber = (key: string) => (o: JsonObject) => String(numberAt(o, 'status', key) ?? 0)
const all = { categories: ['all'] }
const root = { clusterScoped: true } as const
const withStatus = { status: true } as const
const generation = { strategy: { generation: true } }

const v1 = inGroup('', 'v1')
const core: BuiltinKind[] = [
  v1('ConfigMap', 'configmaps', {
    short: ['cm'],
    strategy: coreKinds.configMapStrategy,
    table: coreTables.configMapTable,
  }),
  v1('Endpoints', 'endpoints', {
    short: ['ep'],
    strategy: coreKinds.endpointsStrategy,
    table: coreTables.endpointsTable,
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  }),
  v1('Event', 'events', {
    short: ['ev'],
    strategy: coreEventStrategy,
    table: coreTables.eventTable,
    selectable: eventFields,
    badField: notSupported,
  }),
  v1('LimitRange', 'limitranges', {
    short: ['limits'],
    strategy: coreKinds.limitRangeStrategy,
    table: coreTables.limitRangeTable,
  }),
  v1('Namespace', 'namespaces', {
    ...root,
    ...withStatus,
    short: ['ns'],
    strategy: coreKinds.namespaceStrategy,
    table: coreTables.namespaceTable,
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    selectable: { 'status.phase': status('phase'), name: (o) => textAt(o, 'metadata', 'name') },
    badField: notSupported,
  }),
  v1('Node', 'nodes', {
    ...root,
    ...withStatus,
    short: ['no'],
    strategy: coreKinds.nodeStrategy,
    table: coreTables.nodeTable,
    selectable: {
      'spec.unschedulable': (o) => String((o['spec'] as JsonObject | undefined)?.['unschedulable'] === true),
    },
    badField: notSupported,
  }),
  v1('PersistentVolumeClaim', 'persistentvolumeclaims', {
    ...withStatus,
    short: ['pvc'],
    strategy: coreKinds.claimStrategy,
    table: coreTables.claimTable,
  }),
  v1('PersistentVolume', 'persistentvolumes', {
    ...root,
    ...withStatus,
    short: ['pv'],
    strategy: coreKinds.volumeStrategy,
    table: coreTables.volumeTable,
  }),
  v1('Pod', 'pods', {
    ...all,
    ...withStatus,
    short: ['po'],
    strategy: podStrategy,
    table: podTable,
    selectable: podFields,
    badField: notSupported,
  }),
  v1('PodTemplate', 'podtemplates', { strategy: coreKinds.podTemplateStrategy, table: coreTables.podTemplateTable }),
  v1('ReplicationController', 'replicationcontrollers', {
    ...all,
    ...withStatus,
    short: ['rc'],
    scale: {
      specReplicas: ['spec', 'replicas'],
      statusReplicas: ['status', 'replicas'],
      selector: ['spec', 'selector'],
    },
    strategy: workloads.replicationControllerStrategy,
    table: workloadTables.replicationControllerTable,
    selectable: { 'status.replicas': statusNumber('replicas') },
    badField: notSupported,
  }),
  v1('ResourceQuota', 'resourcequotas', {
    ...withStatus,
    short: ['quota'],
    strategy: { returnsDeleted: true },
    table: coreTables.quotaTable,
  }),
  v1('Secret', 'secrets', {
    strategy: coreKinds.secretStrategy,
    table: coreTables.secretTable,
    selectable: { type: (o) => textAt(o, 'type') },
    badField: notSupported,
  }),
  v1('ServiceAccount', 'serviceaccounts', {
    short: ['sa'],
    strategy: coreKinds.serviceAccountStrategy,
    table: coreTables.serviceAccountTable,
  }),
  v1('Service', 'services', {
    ...all,
    ...withStatus,
    short: ['svc'],
    strategy: serviceStrategy,
    table: coreTables.serviceTable,
    selectable: serviceFields,
    badField: notSupported,
  }),
]

const appsV1 = inGroup('apps', 'v1')
const apps: BuiltinKind[] = [
  appsV1('ControllerRevision', 'controllerrevisions', { table: workloadTables.controllerRevisionTable }),
  appsV1('DaemonSet', 'daemonsets', {
    ...all,
    ...withStatus,
    short: ['ds'],
    strategy: workloads.daemonSetStrategy,
    table: workloadTables.daemonSetTable,
  }),
  appsV1('Deployment', 'deployments', {
    ...all,
    ...withStatus,
    short: ['deploy'],
    scale: workloads.workloadScale,
    strategy: workloads.deploymentStrategy,
    table: workloadTables.deploymentTable,
  }),
  appsV1('ReplicaSet', 'replicasets', {
    ...all,
    ...withStatus,
    short: ['rs'],
    scale: workloads.workloadScale,
    strategy: workloads.replicaSetStrategy,
    table: workloadTables.replicaSetTable,
    selectable: { 'status.replicas': statusNumber('replicas') },
    badField: notSupported,
  }),
  appsV1('StatefulSet', 'statefulsets', {
    ...all,
    ...withStatus,
    short: ['sts'],
    scale: workloads.workloadScale,
    strategy: workloads.statefulSetStrategy,
    table: workloadTables.statefulSetTable,
  }),
]

const batchV1 = inGroup('batch', 'v1')
const netV1 = inGroup('networking.k8s.io', 'v1')
const rbacV1 = inGroup('rbac.authorization.k8s.io', 'v1')
const storageV1 = inGroup('storage.k8s.io', 'v1')
const admissionV1 = inGroup('admissionregistration.k8s.io', 'v1')
const others: BuiltinKind[] = [
  batchV1('CronJob', 'cronjobs', {
    ...all,
    ...withStatus,
    short: ['cj'],
    strategy: cronJobStrategy,
    table: workloadTables.cronJobTable,
  }),
  batchV1('Job', 'jobs', {
    ...all,
    ...withStatus,
    strategy: jobStrategy,
    table: workloadTables.jobTable,
    selectable: { 'status.successful': statusNumber('succeeded') },
    badField: notSupported,
  }),
  inGroup('autoscaling', 'v2')('HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    ...all,
    ...withStatus,
    short: ['hpa'],
    strategy: otherKinds.autoscalerStrategy,
    table: otherTables.autoscalerTable,
  }),
  inGroup('autoscaling', 'v1')('HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    ...all,
    ...withStatus,
    short: ['hpa'],
    strategy: otherKinds.autoscalerV1Strategy,
    table: { ...otherTables.autoscalerTable, cells: (o) => otherTables.autoscalerTable.cells(fromV1(o)) },
    fromStorage: toV1,
    toStorage: fromV1,
  }),
  inGroup('certificates.k8s.io', 'v1')('CertificateSigningRequest', 'certificatesigningrequests', {
    ...root,
    ...withStatus,
    short: ['csr'],
    table: otherTables.signingRequestTable,
    selectable: { 'spec.signerName': (o) => textAt(o, 'spec', 'signerName') },
    badField: notSupported,
  }),
  inGroup('discovery.k8s.io', 'v1')('EndpointSlice', 'endpointslices', {
    strategy: otherKinds.endpointSliceStrategy,
    table: coreTables.endpointSliceTable,
  }),
  inGroup('events.k8s.io', 'v1')('Event', 'events', {
    short: ['ev'],
    storage: '/events',
    strategy: newEventStrategy,
    table: { ...coreTables.eventTable, cells: (o) => coreTables.eventTable.cells(eventToCore(o)) },
    fromStorage: eventToNewGroup,
    toStorage: eventToCore,
    selectable: newEventFields,
    badField: notSupported,
  }),
  netV1('Ingress', 'ingresses', {
    ...withStatus,
    short: ['ing'],
    strategy: otherKinds.ingressStrategy,
    table: otherTables.ingressTable,
  }),
  netV1('IngressClass', 'ingressclasses', { ...root, ...generation, table: otherTables.ingressClassTable }),
  netV1('NetworkPolicy', 'networkpolicies', {
    short: ['netpol'],
    strategy: otherKinds.networkPolicyStrategy,
    table: otherTables.networkPolicyTable,
  }),
  rbacV1('ClusterRoleBinding', 'clusterrolebindings', {
    ...root,
    strategy: otherKinds.roleBindingStrategy(false),
    table: otherTables.bindingTable,
  }),
  rbacV1('ClusterRole', 'clusterroles', {
    ...root,
    strategy: otherKinds.roleStrategy(false),
    table: otherTables.createdAtTable,
  }),
  rbacV1('RoleBinding', 'rolebindings', {
    strategy: otherKinds.roleBindingStrategy(true),
    table: otherTables.bindingTable,
  }),
  rbacV1('Role', 'roles', { strategy: otherKinds.roleStrategy(true), table: otherTables.createdAtTable }),
  inGroup('coordination.k8s.io', 'v1')('Lease', 'leases', {
    strategy: otherKinds.leaseStrategy,
    table: otherTables.leaseTable,
  }),
  inGroup('policy', 'v1')('PodDisruptionBudget', 'poddisruptionbudgets', {
    ...withStatus,
    short: ['pdb'],
    strategy: otherKinds.disruptionBudgetStrategy,
    table: otherTables.disruptionBudgetTable,
  }),
  storageV1('StorageClass', 'storageclasses', {
    ...root,
    short: ['sc'],
    strategy: otherKinds.storageClassStrategy,
    table: otherTables.storageClassTable,
  }),
  inGroup('scheduling.k8s.io', 'v1')('PriorityClass', 'priorityclasses', {
    ...root,
    short: ['pc'],
    strategy: otherKinds.priorityClassStrategy,
    table: otherTables.priorityClassTable,
  }),
  inGroup('node.k8s.io', 'v1')('RuntimeClass', 'runtimeclasses', { ...root, table: otherTables.runtimeClassTable }),
  admissionV1('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', {
    ...root,
    strategy: otherKinds.webhookStrategy(true),
    table: otherTables.webhooksTable,
  }),
  admissionV1('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', {
    ...root,
    strategy: otherKinds.webhookStrategy(false),
    table: otherTables.webhooksTable,
  }),
]

/** Kinds that are posted and answered, never kept. */
const questions = reviews.map((r) =>
  defineBuiltin({
    group: r.group,
    version: 'v1',
    kind: r.kind,
    plural: r.plural,
    verbs: ['create'],
    ...(r.namespaced ? {} : { clusterScoped: true as const }),
  }),
)

export const builtinResources: readonly Resource[] = [
  ...[...core, ...apps, ...others].map(defineBuiltin),
  definitionResource,
  ...questions,
]
