// `meshctl check`: is the control plane there, and is what users wrote accepted?
import type { Command } from 'commander'
import type { KubeObject } from '../../resources/index.ts'
import {
  attempt,
  type Cluster,
  defaultNamespace,
  type ManagementFlags,
  managementFlags,
  withManagement,
} from './management.ts'

interface Failure {
  readonly errors: readonly string[]
  readonly hints: readonly string[]
}

interface Check {
  readonly category: string
  readonly description: string
  readonly run: (cluster: Cluster, namespace: string) => Promise<Failure>
}

const networking = 'networking.mesh.gloo.solo.io'
const enterprise = 'networking.enterprise.mesh.gloo.solo.io'

/** The kinds whose state is looked at. The original looks at the first three only. */
const configuration: readonly (readonly [string, string])[] = [
  [networking, 'TrafficPolicy'],
  [networking, 'AccessPolicy'],
  [networking, 'VirtualMesh'],
  [enterprise, 'VirtualDestination'],
  [enterprise, 'VirtualGateway'],
  [enterprise, 'VirtualHost'],
  [enterprise, 'RouteTable'],
  [enterprise, 'ServiceDependency'],
]

const lease = { namespace: 'fairlead-system', name: 'fairlead-writer' }

const checks: readonly Check[] = [
  { category: 'Gloo Mesh', description: 'Gloo Mesh pods are running', run: checkControlPlane },
  {
    category: 'Management Configuration',
    description: 'Gloo Mesh networking configuration resources are in a valid state',
    run: checkConfiguration,
  },
]

export function register(program: Command): void {
  managementFlags(program.command('check'))
    .description('Perform health checks on the Gloo Mesh system')
    .action((flags: ManagementFlags, command: Command) => attempt(command, () => runChecks(flags)))
}

async function runChecks(flags: ManagementFlags): Promise<void> {
  await withManagement(flags, async (cluster) => {
    let before = ''
    for (const { category, description, run } of checks) {
      if (before !== '' && category !== before) console.log()
      if (category !== before) console.log(`${category}\n${'-'.repeat(category.length + 3)}`)
      before = category
      const { errors, hints } = await run(cluster, flags.namespace ?? defaultNamespace)
      console.log(`${errors.length === 0 ? '✅' : '❌'} ${description}`)
      for (const error of errors) console.log(`  - ${error}`)
      if (hints.length > 0) console.log('Hints:')
      for (const hint of hints) console.log(`  ${hint}`)
      // The original ends with 0 whatever it finds, which no script can use.
      if (errors.length > 0) process.exitCode = 1
    }
    console.log()
  })
}

/** Fairlead may run in pods or beside the clusters: in both cases the replica that writes holds the Lease. */
async function checkControlPlane(cluster: Cluster, namespace: string): Promise<Failure> {
  const deployments = await cluster.list('apps', 'Deployment', namespace)
  const idle = deployments.filter(({ status }) => !((status as Replicas | undefined)?.availableReplicas ?? 0))
  if (idle.length > 0)
    return {
      errors: idle.map(({ metadata }) => `deployment "${metadata.name}" has no available pods`),
      hints: [`check the status of Gloo Mesh deployments with "kubectl -n ${namespace} get deployments -oyaml"`],
    }
  const held = (await cluster.list('coordination.k8s.io', 'Lease', lease.namespace)).find(
    ({ metadata }) => metadata.name === lease.name,
  )
  const hints = ['start the control plane with "fairlead serve", or look at the log of its pods']
  if (held === undefined) return { errors: ['no control plane has ever run on this cluster'], hints }
  const { holderIdentity, renewTime = '', leaseDurationSeconds = 15 } = (held.spec ?? {}) as LeaseSpec
  const ageSeconds = Math.round((Date.now() - Date.parse(renewTime)) / 1000)
  if (!holderIdentity || !(ageSeconds <= leaseDurationSeconds))
    return { errors: [`no control plane is running: the last one was ${holderIdentity || 'stopped'}`], hints }
  return { errors: [], hints: [] }
}

interface Replicas {
  readonly availableReplicas?: number
}

interface LeaseSpec {
  readonly holderIdentity?: string
  readonly renewTime?: string
  readonly leaseDurationSeconds?: number
}

async function checkConfiguration(cluster: Cluster): Promise<Failure> {
  const lists = await Promise.all(configuration.map(([group, kind]) => cluster.list(group, kind)))
  const errors = lists.flat().flatMap(checkStatus)
  const hint = 'check the status of Gloo Mesh networking resources with "kubectl get <resource-type> -Aoyaml"'
  return { errors, hints: errors.length > 0 ? [hint] : [] }
}

/** What is wrong with the state of one object. */
export function checkStatus({ kind, metadata, status }: KubeObject): string[] {
  const {
    state = 'PENDING',
    observedGeneration = 0,
    errors = [],
  } = (status ?? {}) as {
    state?: string
    observedGeneration?: string | number
    errors?: readonly string[]
  }
  const why = errors.length === 0 ? '' : ` (${errors.join('; ')})`
  const wrong = [
    ...(state === 'ACCEPTED' ? [] : [`approval state is ${state}${why}`]),
    ...(Number(observedGeneration) === metadata.generation ? [] : ['observed generation does not match generation']),
  ]
  return wrong.length === 0 ? [] : [`${kind} ${metadata.name}.${metadata.namespace}: ${wrong.join(', ')}`]
}
