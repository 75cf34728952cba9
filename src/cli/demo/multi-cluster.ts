// The main job: Service Mesh Hub's guide "Multi-cluster Traffic", measured end to end.
import { join } from 'node:path'
import pc from 'picocolors'
import { stringify } from 'yaml'
import type { SandboxSpec } from '../../sandbox/index.ts'
import type { Guide, GuideRun } from './guide.ts'
import { kubectl, kubectlUntil } from './kubectl.ts'
import type { Row } from './picture.ts'

const here = { cluster: 'management-plane', context: 'management-plane-context' }
const there = { cluster: 'new-remote-cluster', context: 'remote-cluster-context' }
const namespace = 'service-mesh-hub'
const policyFile = join(import.meta.dirname, '../../../examples/guides/000-traffic-policy-simple.yaml')
const policy = 'trafficpolicies.networking.zephyr.solo.io/simple'

const spec: SandboxSpec = {
  clusters: [
    { name: here.cluster, context: here.context, region: 'eu', zone: 'eu-a', management: true },
    { name: there.cluster, context: there.context, region: 'us', zone: 'us-a' },
  ],
  samples: [
    {
      context: here.context,
      sample: 'bookinfo',
      namespace: 'default',
      only: ['productpage-v1', 'details-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2'],
    },
    { context: there.context, sample: 'bookinfo', namespace: 'default', only: ['reviews-v3', 'ratings-v1'] },
  ],
}

const rows: readonly Row[] = [
  { name: 'reviews-v3', where: there.cluster, wanted: 0.75, paint: pc.red },
  { name: 'reviews-v1', where: here.cluster, wanted: 0.15, paint: pc.white },
  { name: 'reviews-v2', where: here.cluster, wanted: 0.1, paint: pc.gray },
]

const virtualMesh = {
  apiVersion: 'networking.zephyr.solo.io/v1alpha1',
  kind: 'VirtualMesh',
  metadata: { name: 'virtual-mesh', namespace },
  spec: {
    displayName: 'Demo Mesh Federation',
    certificateAuthority: { builtin: { ttlDays: 356, rsaKeySizeBytes: 4096, orgName: 'service-mesh-hub' } },
    federation: { mode: 'PERMISSIVE' },
    shared: {},
    enforceAccessControl: false,
    meshes: [here, there].map(({ cluster }) => ({ name: `istio-istio-system-${cluster}`, namespace })),
  },
}

async function federate(run: GuideRun): Promise<void> {
  const { kubeconfig, signal } = run
  const at = ['--context', here.context, '-n', namespace]
  await kubectl(kubeconfig, [...at, 'apply', '-f', run.writeFile('virtual-mesh.yaml', stringify(virtualMesh))], signal)
  for (const field of ['certificateStatus', 'federationStatus']) {
    const path = `jsonpath={.status.${field}.state}`
    const get = [...at, 'get', 'virtualmeshes.networking.zephyr.solo.io/virtual-mesh', '-o', path]
    await kubectlUntil(kubeconfig, get, (state) => state === 'ACCEPTED', { withinMs: 60_000, signal })
  }
}

async function applyPolicy({ kubeconfig, signal }: GuideRun): Promise<void> {
  const at = ['--context', here.context, '-n', namespace]
  await kubectl(kubeconfig, [...at, 'apply', '-f', policyFile], signal)
  const get = [...at, 'get', policy, '-o', 'jsonpath={.status.translationStatus.state}']
  await kubectlUntil(kubeconfig, get, (state) => state === 'ACCEPTED', { withinMs: 30_000, signal })
}

export const multiCluster: Guide = {
  name: 'multi-cluster',
  title: 'Multi-cluster traffic: one TrafficPolicy splits the calls to reviews over two clusters',
  spec,
  steps: [
    { name: 'federate identity with a VirtualMesh', run: federate },
    { name: 'apply the TrafficPolicy of the guide', run: applyPolicy },
  ],
  caller: { context: here.context, namespace: 'default', deployment: 'productpage-v1' },
  url: 'http://reviews:9080/reviews/0',
  rows,
  rowOf(servedBy) {
    return rows.find(({ name, where }) => servedBy.startsWith(`${where}/default/${name}-`))?.name
  },
  next: [
    `kubectl --context ${here.context} get trafficpolicies.networking.zephyr.solo.io simple -n ${namespace} -o yaml`,
    `kubectl --context ${here.context} get virtualservice,destinationrule -n default`,
    'npx fairlead proxies --name demo',
    'npx fairlead config productpage-v1 routes --name demo',
    `kubectl --context ${here.context} edit trafficpolicies.networking.zephyr.solo.io simple -n ${namespace}   # change a weight, and watch the bars`,
    `kubectl --context ${here.context} port-forward deployment/productpage-v1 9080   # http://localhost:9080/productpage?u=normal`,
  ],
}
