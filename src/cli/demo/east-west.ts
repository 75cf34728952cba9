// Tetrate Service Bridge's guide of east-west failover: a service dies, the other cluster's answers, and it comes back.
import { join } from 'node:path'
import pc from 'picocolors'
import { stringify } from 'yaml'
import { type Answer, type SandboxSpec, sendMany } from '../../sandbox/index.ts'
import { openCallGraph } from './call-graph.ts'
import type { Caller, Guide, GuideRun } from './guide.ts'
import { kubectl, kubectlUntil } from './kubectl.ts'
import { requestOf } from './measure.ts'
import type { Row } from './picture.ts'
import { TctlFailed, tctl } from './tctl.ts'

const files = join(import.meta.dirname, '../../../examples/guides')
const [here, there] = ['cluster-1', 'cluster-2'] as const
const namespace = 'bookinfo'

const spec: SandboxSpec = {
  clusters: [
    { name: here, management: true, region: 'us-east', zone: 'us-east-a' },
    { name: there, region: 'us-west', zone: 'us-west-a' },
  ],
  samples: [
    { context: here, sample: 'bookinfo', namespace },
    { context: here, sample: 'sleep', namespace: 'sleep' },
    { context: there, sample: 'bookinfo', namespace },
  ],
}

const rows: readonly Row[] = [
  { name: 'details cluster-1', where: 'us-east', wanted: 1, paint: pc.cyan },
  { name: 'details cluster-2', where: 'us-west', wanted: 0, paint: pc.magenta },
]

const sleep: Caller = { context: here, namespace: 'sleep', deployment: 'sleep' }
const page = 'http://productpage.bookinfo:9080/productpage'
const hasDetails = ({ status, body }: Answer): boolean => status === 200 && body.includes('Book Details')

const tenant = {
  apiVersion: 'api.tsb.tetrate.io/v2',
  kind: 'Tenant',
  metadata: { organization: 'tetrate', name: 'tetrate' },
}

async function createWorkspace(run: GuideRun): Promise<void> {
  await tctl(run, here, ['apply', '-f', run.writeFile('tenant.yaml', stringify(tenant))])
  await tctl(run, here, ['apply', '-f', join(files, '004-workspace.yaml')])
  await withoutSetting(run)
}

/** A sandbox that was there before may have the setting already; the guide begins without. */
async function withoutSetting(run: GuideRun): Promise<void> {
  try {
    await tctl(run, here, ['delete', '-f', join(files, '004-workspace-setting.yaml')])
  } catch (error) {
    if (!(error instanceof TctlFailed && /not found/i.test(error.message))) throw error
  }
}

async function scaleDetails({ kubeconfig, signal }: GuideRun, replicas: number): Promise<void> {
  const target = ['--context', here, '-n', namespace]
  await kubectl(kubeconfig, [...target, 'scale', 'deployment/details-v1', `--replicas=${replicas}`], signal)
}

/** Asks for the page until it is as wanted; returns what it says of the book. */
async function pageSays(run: GuideRun, isWanted: (answer: Answer) => boolean): Promise<string> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const plan = await requestOf({ caller: sleep, url: page }, run.kubeconfig, run.signal)
    const answers = await sendMany([plan], { count: 5, parallel: 1 })
    const [last] = answers.slice(-1)
    if (last !== undefined && answers.every(isWanted)) {
      const [, title = 'no word of details'] = /<h4[^>]*>([^<]*[Dd]etails[^<]*)<\/h4>/.exec(last.body) ?? []
      return title
    }
    if (performance.now() > deadline)
      throw new Error(`after 60 s the page still answers ${last?.status}: ${last?.error}`)
  }
}

/** What the guide shows first: without a setting the page loses its details, though the other cluster has them. */
async function failAlone(run: GuideRun): Promise<string[]> {
  const before = await pageSays(run, hasDetails)
  await scaleDetails(run, 0)
  const without = await pageSays(run, ({ body }) => body.includes('Error fetching product details'))
  await scaleDetails(run, 1)
  const after = await pageSays(run, hasDetails)
  return [`details runs: “${before}”, it is gone: “${without}”, it is back: “${after}”`]
}

async function installGateways(run: GuideRun): Promise<void> {
  const { kubeconfig, signal } = run
  for (const context of [here, there]) {
    const namespace = run.writeFile('eastwest.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: eastwest}\n')
    for (const file of [namespace, join(files, '004-eastwest-gateway.yaml')])
      await kubectl(kubeconfig, ['--context', context, 'apply', '-f', file], signal)
  }
}

async function switchOn(run: GuideRun): Promise<string[]> {
  const { kubeconfig, signal } = run
  await tctl(run, here, ['apply', '-f', join(files, '004-workspace-setting.yaml')])
  const get = ['--context', here, 'get', 'workloadentries', '-A']
  const printed = await kubectlUntil(kubeconfig, get, (text) => /k-details-/.test(text), { withinMs: 90_000, signal })
  return ['kubectl --context cluster-1 get we -A', ...printed.trimEnd().split('\n')]
}

export const eastWest: Guide = {
  name: 'east-west',
  title: 'East-west failover: a service of one cluster dies, the other cluster answers for it, and nobody notices',
  spec,
  steps: [
    { name: 'create the workspace with tctl', run: createWorkspace },
    { name: 'details goes away, and comes back: nothing fails over yet', run: failAlone },
    { name: 'install an east-west gateway in both clusters', run: installGateways },
    { name: 'apply the WorkspaceSetting of the guide with tctl', run: switchOn },
  ],
  caller: { context: here, namespace, deployment: 'productpage-v1' },
  url: 'http://details:9080/details/0',
  rows,
  rowOf: (servedBy) => rows.find(({ name }) => servedBy.startsWith(`${name.slice(8)}/${namespace}/details-`))?.name,
  beside: { name: 'whole pages', caller: sleep, url: page, isGood: hasDetails },
  ratePerSecond: 30,
  callGraph: ({ kubeconfig, signal }) =>
    openCallGraph({ kubeconfig, signal, contexts: [here, there], namespaces: ['sleep', namespace] }),
  acts: [
    {
      sign: '1',
      name: 'details of cluster-1 is scaled to 0',
      run: (run) => scaleDetails(run, 0),
      wanted: { 'details cluster-2': 1 },
    },
    {
      sign: '2',
      name: 'it is scaled to 1 again',
      run: (run) => scaleDetails(run, 1),
      wanted: { 'details cluster-1': 1 },
    },
  ],
  next: [
    'kubectl --context cluster-1 scale deployment/details-v1 -n bookinfo --replicas=0   # and watch the bars',
    'kubectl --context cluster-1 scale deployment/details-v1 -n bookinfo --replicas=1',
    'kubectl --context cluster-1 get we -A',
    'npx tctl x status wss bookinfo-ws-setting --org tetrate --tenant tetrate -w bookinfo-ws',
    'npx tctl x audit ws bookinfo-ws --org tetrate --tenant tetrate --recursive',
    `npx tctl apply -f ${join(files, '004-workspace-setting-exposed-services.yaml')}   # only details and what has the label`,
  ],
}
