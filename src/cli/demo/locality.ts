// Gloo Mesh's guide "Routing Based On Locality": a VirtualDestination keeps calls local, and fails over when nobody is left.
import { join } from 'node:path'
import pc from 'picocolors'
import { stringify } from 'yaml'
import type { SandboxSpec } from '../../sandbox/index.ts'
import type { Guide, GuideRun } from './guide.ts'
import { kubectl, kubectlUntil } from './kubectl.ts'

const here = { cluster: 'mgmt-cluster', context: 'kind-mgmt-cluster', region: 'us-east-1', zone: 'us-east-1a' }
const there = { cluster: 'remote-cluster', context: 'kind-remote-cluster', region: 'us-east-2', zone: 'us-east-2b' }
const namespace = 'bookinfo'
const examples = join(import.meta.dirname, '../../../examples/guides')

const spec: SandboxSpec = {
  clusters: [
    { name: here.cluster, context: here.context, management: true },
    { name: there.cluster, context: there.context },
  ],
  samples: [
    {
      context: here.context,
      sample: 'bookinfo',
      namespace,
      only: ['productpage-v1', 'details-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2'],
    },
    { context: there.context, sample: 'bookinfo', namespace, only: ['reviews-v3', 'ratings-v1'] },
  ],
}

const versions = [
  { name: 'reviews-v1', where: here.cluster, paint: pc.white },
  { name: 'reviews-v2', where: here.cluster, paint: pc.gray },
  { name: 'reviews-v3', where: there.cluster, paint: pc.red },
] as const
const rows = (...shares: readonly number[]) => versions.map((row, at) => ({ ...row, wanted: shares[at] ?? 0 }))

const virtualMesh = {
  apiVersion: 'networking.mesh.gloo.solo.io/v1',
  kind: 'VirtualMesh',
  metadata: { name: 'virtual-mesh', namespace: 'gloo-mesh' },
  spec: {
    mtlsConfig: { autoRestartPods: true, shared: { rootCertificateAuthority: { generated: {} } } },
    federation: { selectors: [{}] },
    meshes: [here, there].map(({ cluster }) => ({ name: `istiod-istio-system-${cluster}`, namespace: 'gloo-mesh' })),
  },
}

const at = (...args: readonly string[]): string[] => ['--context', here.context, ...args]

async function accepted({ kubeconfig, signal }: GuideRun, resource: string, place: string): Promise<void> {
  const get = at('-n', place, 'get', resource, '-o', 'jsonpath={.status.state}')
  await kubectlUntil(kubeconfig, get, (state) => state === 'ACCEPTED', { withinMs: 60_000, signal })
}

async function federate(run: GuideRun): Promise<void> {
  const file = run.writeFile('virtual-mesh.yaml', stringify(virtualMesh))
  await kubectl(run.kubeconfig, at('apply', '-f', file), run.signal)
  await accepted(run, 'virtualmeshes.networking.mesh.gloo.solo.io/virtual-mesh', 'gloo-mesh')
}

async function labelNodes({ kubeconfig, signal }: GuideRun): Promise<void> {
  for (const { cluster, context, region, zone } of [here, there]) {
    const labels = [`topology.kubernetes.io/region=${region}`, `topology.kubernetes.io/zone=${zone}`]
    const node = `${cluster}-control-plane`
    await kubectl(kubeconfig, ['--context', context, 'label', 'node', node, ...labels], signal)
  }
}

async function createDestination(run: GuideRun): Promise<void> {
  await kubectl(run.kubeconfig, at('apply', '-f', join(examples, '003-virtual-destination.yaml')), run.signal)
  await accepted(run, 'virtualdestination/bookinfo-global', 'gloo-mesh')
}

async function shift(run: GuideRun): Promise<void> {
  await kubectl(run.kubeconfig, at('apply', '-f', join(examples, '003-traffic-policy.yaml')), run.signal)
  await accepted(run, 'trafficpolicies.networking.mesh.gloo.solo.io/reviews-shift-failover', namespace)
}

/** Patches both local versions of reviews. */
async function patchReviews({ kubeconfig, signal }: GuideRun, type: string, patch: object): Promise<void> {
  for (const version of ['v1', 'v2']) {
    const target = ['-n', namespace, 'patch', 'deployment', `reviews-${version}`]
    await kubectl(kubeconfig, at(...target, '--type', type, '-p', JSON.stringify(patch)), signal)
  }
}

const disable = (run: GuideRun): Promise<void> =>
  patchReviews(run, 'strategic', {
    spec: { template: { spec: { containers: [{ name: 'reviews', command: ['sleep', '20h'] }] } } },
  })

const restore = (run: GuideRun): Promise<void> =>
  patchReviews(run, 'json', [{ op: 'remove', path: '/spec/template/spec/containers/0/command' }])

export const locality: Guide = {
  name: 'locality',
  title: 'Routing based on locality: calls stay in their region, and leave it only when nobody there answers',
  spec,
  steps: [
    { name: 'federate the meshes with a VirtualMesh', run: federate },
    { name: 'label the nodes with region and zone', run: labelNodes },
    { name: 'create the VirtualDestination', run: createDestination },
    { name: 'shift reviews to it with a TrafficPolicy', run: shift },
  ],
  caller: { context: here.context, namespace, deployment: 'productpage-v1' },
  url: 'http://reviews:9080/reviews/0',
  rows: rows(0.5, 0.5, 0),
  tolerance: 0.25,
  phases: [
    { name: 'disable the web servers of both local versions', run: disable, rows: rows(0, 0, 1) },
    { name: 'restore them', run: restore, rows: rows(0.5, 0.5, 0) },
  ],
  rowOf(servedBy) {
    return versions.find(({ name, where }) => servedBy.startsWith(`${where}/${namespace}/${name}-`))?.name
  },
  next: [
    `kubectl --context ${here.context} -n gloo-mesh get virtualdestination bookinfo-global -o yaml`,
    `kubectl --context ${here.context} -n ${namespace} scale deployment reviews-v1 reviews-v2 --replicas 0   # and watch the bars`,
    `kubectl --context ${here.context} -n ${namespace} scale deployment reviews-v1 reviews-v2 --replicas 1`,
    `npx meshctl describe destination --search reviews --kubecontext ${here.context}`,
    `kubectl --context ${here.context} -n ${namespace} port-forward deployment/productpage-v1 9080   # http://localhost:9080/productpage?u=normal`,
  ],
}
