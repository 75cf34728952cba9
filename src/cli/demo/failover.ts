// Cloud Service Mesh's guide of failover between regions: half each, one dies, it comes back, and nobody notices.
import { join } from 'node:path'
import pc from 'picocolors'
import type { SandboxSpec } from '../../sandbox/index.ts'
import type { Guide, GuideRun } from './guide.ts'
import { kubectl } from './kubectl.ts'
import type { Row } from './picture.ts'

const files = join(import.meta.dirname, '../../../examples/guides')
const sample = 'hello-world'

const spec: SandboxSpec = {
  clusters: [
    { name: 'cluster-a', region: 'europe-west1', zone: 'europe-west1-b' },
    { name: 'cluster-b', region: 'us-central1', zone: 'us-central1-a' },
  ],
  samples: [
    { context: 'cluster-a', sample, namespace: 'default' },
    { context: 'cluster-b', sample, namespace: 'default' },
  ],
}

const rows: readonly Row[] = [
  { name: 'cluster-a', where: 'europe-west1', wanted: 0.5, paint: pc.cyan },
  { name: 'cluster-b', where: 'us-central1', wanted: 0.5, paint: pc.magenta },
]

async function apply({ kubeconfig, signal }: GuideRun, name: string): Promise<void> {
  await kubectl(kubeconfig, ['--context', 'cluster-a', 'apply', '-f', join(files, `001-${name}.yaml`)], signal)
}

async function scale({ kubeconfig, signal }: GuideRun, replicas: number): Promise<void> {
  const at = ['--context', 'cluster-a', '-n', 'default']
  await kubectl(kubeconfig, [...at, 'scale', `deployment/${sample}`, `--replicas=${replicas}`], signal)
}

export const failover: Guide = {
  name: 'failover',
  title: 'Failover: half of the requests to each of two regions; one goes away, and comes back',
  spec,
  steps: [
    { name: 'deploy the ingress gateway of the guide', run: (run) => apply(run, 'istio-ingressgateway') },
    { name: 'route every host to hello-world', run: (run) => apply(run, 'virtual-service') },
    { name: 'balance by locality, and eject what fails', run: (run) => apply(run, 'destination-rule') },
  ],
  caller: { context: 'cluster-a', namespace: 'istio-system', gateway: 'istio-ingressgateway', port: 80 },
  url: '/',
  rows,
  rowOf: (servedBy) => rows.find(({ name }) => servedBy.startsWith(`${name}/default/${sample}-`))?.name,
  acts: [
    {
      sign: '1',
      name: 'hello-world of cluster-a is scaled to 0',
      run: (run) => scale(run, 0),
      wanted: { 'cluster-b': 1 },
    },
    {
      sign: '2',
      name: 'it is scaled to 1 again',
      run: (run) => scale(run, 1),
      wanted: { 'cluster-a': 0.5, 'cluster-b': 0.5 },
    },
  ],
  next: [
    'kubectl --context cluster-a scale deployment/hello-world --replicas=0   # and watch the bars',
    'kubectl --context cluster-a scale deployment/hello-world --replicas=1',
    'npx fairlead sandbox fault answer --sandbox demo --context cluster-a --namespace default --deployment hello-world --status 503 --name bad',
    'npx fairlead sandbox fault heal --sandbox demo --name bad   # ejected for 30 s, as the rule says',
    'npx fairlead sandbox fault cut cluster-a cluster-b --sandbox demo --name partition',
    'npx fairlead sandbox fault heal --sandbox demo --name partition',
    'npm run drill   # faults and changes under load, and what callers notice',
  ],
}
