// Gloo Mesh's guide of blue, green and canary: a gateway in front of two clusters and a machine, measured.
import { join } from 'node:path'
import pc from 'picocolors'
import type { SandboxSpec } from '../../sandbox/index.ts'
import type { Guide, GuideRun } from './guide.ts'
import { kubectl, kubectlUntil } from './kubectl.ts'
import type { Row } from './picture.ts'

const files = join(import.meta.dirname, '../../../examples/guides')
const namespace = 'gloo-mesh'
const application = 'blue-green-canary'

const spec: SandboxSpec = {
  clusters: [
    { name: 'mgmt', management: true, registered: false },
    { name: 'cluster1', region: 'eu', zone: 'eu-a', network: 'bgc-network1' },
    { name: 'cluster2', region: 'us', zone: 'us-a', network: 'bgc-network2' },
  ],
  vms: [
    {
      name: 'vm1',
      address: '192.168.68.114',
      cluster: 'cluster1',
      serviceAccount: 'vm-blue-green-canary/vm-blue-green-canary',
      sample: application,
    },
  ],
  samples: [
    { context: 'cluster1', sample: application, namespace: application, only: ['blue'] },
    { context: 'cluster2', sample: application, namespace: application, only: ['green'] },
  ],
}

const rows: readonly Row[] = [
  { name: 'blue', where: 'cluster1', wanted: 0.4, paint: pc.blue },
  { name: 'green', where: 'cluster2', wanted: 0.4, paint: pc.green },
  { name: 'canary', where: 'machine vm1', wanted: 0.2, paint: pc.yellow },
]

async function apply({ kubeconfig, signal }: GuideRun, context: string, ...names: readonly string[]): Promise<void> {
  const given = names.flatMap((name) => ['-f', join(files, `002-${name}.yaml`)])
  await kubectl(kubeconfig, ['--context', context, 'apply', ...given], signal)
}

async function accepted({ kubeconfig, signal }: GuideRun, resource: string): Promise<void> {
  const get = ['--context', 'mgmt', '-n', namespace, 'get', resource, '-o', 'jsonpath={.status.state}']
  await kubectlUntil(kubeconfig, get, (state) => state === 'ACCEPTED', { withinMs: 60_000, signal })
}

async function federate(run: GuideRun): Promise<void> {
  await apply(run, 'mgmt', 'bgc-virtual-mesh')
  for (const { name } of spec.clusters.slice(1)) await apply(run, name, 'peer-auth')
  await accepted(run, 'virtualmesh/bgc-virtual-mesh')
}

async function describeMachine(run: GuideRun): Promise<void> {
  await apply(run, 'cluster1', 'vm-service-workload-entry')
  await apply(run, 'mgmt', 'vm-workload-destination')
}

async function openGateway(run: GuideRun): Promise<void> {
  await apply(run, 'mgmt', 'routing-bgc-virtual-gateway', 'routing-bgc-virtual-host', 'routing-bgc-route-table')
  await accepted(run, 'virtualgateway/bgc-virtualgateway')
}

async function applyPolicy(run: GuideRun): Promise<void> {
  await apply(run, 'mgmt', 'traffic-blue-green-canary-traffic-policy')
  await accepted(run, `trafficpolicy/${application}`)
}

const policy = (name: string): string =>
  `kubectl --context mgmt apply -f ${join(files, `002-traffic-${name}-traffic-policy.yaml`)}`

export const blueGreenCanary: Guide = {
  name: application,
  title: 'Blue, green and canary: one gateway, two clusters and a machine outside of both',
  spec,
  steps: [
    { name: 'federate identity with a VirtualMesh, mutual TLS only', run: federate },
    { name: 'make the machine known', run: describeMachine },
    { name: 'open the gateway of both clusters', run: openGateway },
    { name: 'apply the TrafficPolicy 40, 40 and 20', run: applyPolicy },
  ],
  caller: { context: 'cluster1', namespace: 'istio-system', gateway: 'istio-ingressgateway', port: 80 },
  url: '/',
  rows,
  rowOf(servedBy) {
    if (servedBy === 'vm1') return 'canary'
    return rows.find(({ name, where }) => servedBy.startsWith(`${where}/${application}/${name}-`))?.name
  },
  next: [
    'kubectl --context cluster1 get gw,vs -A',
    `${policy('blue-green')}   # half and half; watch the bars`,
    `${policy('canary')}   # everything to the machine`,
    'npx fairlead sandbox status --name demo   # where the gateway and the machine are: open the gateway in a browser',
    'npx fairlead sandbox fault answer --status 503 --vm vm1 --name demo',
    'npx fairlead config vm1 listeners --name demo',
  ],
}
