// The ClusterRoles and bindings that every Kubernetes cluster starts with, as far as users and guides lean on them.
import type { JsonObject } from '../json.ts'

const group = 'rbac.authorization.k8s.io'
const label = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const annotation = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }

interface Rule {
  readonly verbs: string[]
  readonly apiGroups?: string[]
  readonly resources?: string[]
  readonly nonResourceURLs?: string[]
}

const role = (name: string, rules: readonly Rule[], labels: Record<string, string> = {}): JsonObject => ({
  metadata: { name, labels: { ...label, ...labels }, annotations: annotation },
  rules: rules.map((rule): JsonObject => ({ ...rule })),
})

const binding = (name: string, to: string, groups: readonly string[]): JsonObject => ({
  metadata: { name, labels: label, annotations: annotation },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: to },
  subjects: groups.map((g) => ({ kind: 'Group', apiGroup: group, name: g })),
})

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']

const namespacedKinds: readonly Rule[] = [
  {
    verbs: [],
    apiGroups: [''],
    resources: [
      'configmaps',
      'endpoints',
      'events',
      'persistentvolumeclaims',
      'pods',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'serviceaccounts',
      'services',
    ],
  },
  {
    verbs: [],
    apiGroups: ['apps'],
    resources: [
      'daemonsets',
      'deployments',
      'deployments/rollback',
      'deployments/scale',
      'replicasets',
      'replicasets/scale',
      'statefulsets',
      'statefulsets/scale',
    ],
  },
  { verbs: [], apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
  { verbs: [], apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  { verbs: [], apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { verbs: [], apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'] },
  { verbs: [], apiGroups: ['policy'], resources: ['poddisruptionbudgets'] },
]

const withVerbs = (verbs: string[]): Rule[] => namespacedKinds.map((rule) => ({ ...rule, verbs }))

const viewRules: Rule[] = [
  ...withVerbs(read),
  {
    verbs: read,
    apiGroups: [''],
    resources: [
      'bindings',
      'limitranges',
      'namespaces',
      'namespaces/status',
      'pods/log',
      'pods/status',
      'resourcequotas',
      'services/status',
    ],
  },
]
const editRules: Rule[] = [
  ...withVerbs(write),
  {
    verbs: read,
    apiGroups: [''],
    resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'],
  },
  {
    verbs: write,
    apiGroups: [''],
    resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'],
  },
  { verbs: ['create'], apiGroups: [''], resources: ['pods/eviction', 'serviceaccounts/token'] },
  { verbs: ['impersonate'], apiGroups: [''], resources: ['serviceaccounts'] },
  { verbs: [...read, ...write], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
]
const adminRules: Rule[] = [
  { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'] },
  { verbs: [...read, ...write], apiGroups: [group], resources: ['rolebindings', 'roles'] },
]

/** Objects to make in a fresh cluster, with the plural of their kind. */
export function bootstrapRoles(): { plural: 'clusterroles' | 'clusterrolebindings'; object: JsonObject }[] {
  const paths = [
    '/api',
    '/api/*',
    '/apis',
    '/apis/*',
    '/healthz',
    '/livez',
    '/openapi',
    '/openapi/*',
    '/readyz',
    '/version',
    '/version/',
  ]
  const roles = [
    role('cluster-admin', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]),
    role('view', viewRules, { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' }),
    role('edit', [...editRules, ...viewRules], { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' }),
    role('admin', [...adminRules, ...editRules, ...viewRules]),
    role('system:discovery', [{ verbs: ['get'], nonResourceURLs: paths }]),
    role('system:basic-user', [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ]),
    role('system:public-info-viewer', [
      { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] },
    ]),
    role('system:service-account-issuer-discovery', [
      {
        verbs: ['get'],
        nonResourceURLs: [
          '/.well-known/openid-configuration',
          '/.well-known/openid-configuration/',
          '/openid/v1/jwks',
          '/openid/v1/jwks/',
        ],
      },
    ]),
    role('system:auth-delegator', [
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
      { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'] },
    ]),
  ]
  const bindings = [
    binding('cluster-admin', 'cluster-admin', ['system:masters']),
    binding('system:discovery', 'system:discovery', ['system:authenticated']),
    binding('system:basic-user', 'system:basic-user', ['system:authenticated']),
    binding('system:public-info-viewer', 'system:public-info-viewer', [
      'system:authenticated',
      'system:unauthenticated',
    ]),
    binding('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', [
      'system:serviceaccounts',
    ]),
  ]
  return [
    ...roles.map((object) => ({ plural: 'clusterroles' as const, object })),
    ...bindings.map((object) => ({ plural: 'clusterrolebindings' as const, object })),
  ]
}
