// `meshctl debug snapshot`: what discovery and translation read and wrote, from the clusters themselves.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { registeredClusters } from '../../clusters/index.ts'
import { ownerLabel } from '../../dialects/index.ts'
import { type KubeObject, objectKey } from '../../resources/index.ts'
import { istioKinds } from '../../resources/istio/index.ts'
import { attempt, Cluster, type ManagementFlags, managementFlags, withManagement } from './management.ts'

type Kind = readonly [group: string, kind: string]

const discovered: readonly Kind[] = ['Mesh', 'Workload', 'Destination'].map((kind) => [
  'discovery.mesh.gloo.solo.io',
  kind,
])
const found: readonly Kind[] = [
  ...['Deployment', 'DaemonSet', 'StatefulSet'].map((kind): Kind => ['apps', kind]),
  ...['Pod', 'Service', 'Node', 'ConfigMap'].map((kind): Kind => ['', kind]),
  ['discovery.k8s.io', 'EndpointSlice'],
]
const written: readonly Kind[] = [
  ...['TrafficPolicy', 'AccessPolicy', 'VirtualMesh'].map((kind): Kind => ['networking.mesh.gloo.solo.io', kind]),
  ...['VirtualDestination', 'VirtualGateway', 'VirtualHost', 'RouteTable', 'ServiceDependency'].map(
    (kind): Kind => ['networking.enterprise.mesh.gloo.solo.io', kind],
  ),
  ['settings.mesh.gloo.solo.io', 'Settings'],
  ['multicluster.solo.io', 'KubernetesCluster'],
]

interface Part {
  readonly component: string
  readonly side: 'input' | 'output'
  readonly kinds: readonly Kind[]
  /** Read from every registered cluster, or from the management cluster. */
  readonly from: 'members' | 'management'
  readonly isShown?: (object: KubeObject) => boolean
}

const isOwn = ({ metadata }: KubeObject): boolean => metadata.labels?.[ownerLabel] !== undefined

const parts: readonly Part[] = [
  { component: 'discovery', side: 'input', kinds: found, from: 'members' },
  { component: 'discovery', side: 'output', kinds: discovered, from: 'management' },
  { component: 'networking', side: 'input', kinds: [...discovered, ...written], from: 'management' },
  {
    component: 'networking',
    side: 'output',
    kinds: istioKinds.map(({ group, kind }): Kind => [group, kind]),
    from: 'members',
    isShown: isOwn,
  },
]

interface SnapshotFlags extends ManagementFlags {
  readonly json?: boolean
  readonly file?: string
  readonly dir?: string
}

export function register(program: Command): void {
  const debug = program.command('debug').description('Debug Gloo Mesh resources')
  const flags = (command: Command): Command =>
    managementFlags(command)
      .option('--json', 'the objects as a whole, instead of their names')
      .option('-f, --file <file>', 'write to this file')
      .option('--dir <folder>', 'write a file for each snapshot into this folder')
  const run = (chosen: readonly Part[]) => (_flags: SnapshotFlags, command: Command) =>
    attempt(command, () => show(chosen, command.optsWithGlobals<SnapshotFlags>()))
  const snapshot = flags(debug.command('snapshot'))
    .description('Input and output of discovery and networking')
    .action(run(parts))
  for (const component of new Set(parts.map((part) => part.component))) {
    const all = parts.filter((part) => part.component === component)
    const command = flags(snapshot.command(component)).description(`Input and output of ${component}`).action(run(all))
    for (const part of all)
      flags(command.command(part.side))
        .description(`${part.side} of ${component}`)
        .action(run([part]))
  }
}

type Snapshot = Readonly<Record<string, readonly object[]>>

async function show(chosen: readonly Part[], flags: SnapshotFlags): Promise<void> {
  await withManagement(flags, async (management) => {
    const members = await connect(management)
    try {
      const texts: string[] = []
      for (const part of chosen) {
        const name = `${part.component}-${part.side}`
        const snapshot = await collect(part, part.from === 'members' ? members : new Map([['', management]]))
        const text = flags.json ? JSON.stringify({ name, ...snapshot }, undefined, 2) : names(snapshot)
        if (flags.dir !== undefined) writeFileSync(join(flags.dir, `${name}.json`), `${text}\n`)
        texts.push(text)
      }
      if (flags.file !== undefined) writeFileSync(flags.file, `${texts.join('\n')}\n`)
      else if (flags.dir === undefined) for (const text of texts) console.log(text)
    } finally {
      for (const member of members.values()) member.close()
    }
  })
}

/** The registered clusters, by name. */
async function connect(management: Cluster): Promise<Map<string, Cluster>> {
  const registrations = await management.list('multicluster.solo.io', 'KubernetesCluster')
  const secrets = new Map((await management.list('', 'Secret')).map((secret) => [objectKey(secret), secret]))
  const { members, problems } = registeredClusters('', registrations, (ns, name) => secrets.get(`${ns}/${name}`))
  for (const { message } of problems) console.error(message)
  return new Map(members.map(({ name, access }) => [name, new Cluster(access)]))
}

async function collect({ kinds, isShown }: Part, clusters: ReadonlyMap<string, Cluster>): Promise<Snapshot> {
  const snapshot: Record<string, object[]> = {}
  for (const [group, kind] of kinds)
    for (const [clusterName, cluster] of clusters)
      for (const object of await cluster.list(group, kind)) {
        if (isShown?.(object) === false) continue
        const key = `${object.apiVersion}, Kind=${kind}`
        const list = snapshot[key] ?? []
        snapshot[key] = list
        list.push(clusterName === '' ? object : { ...object, metadata: { ...object.metadata, clusterName } })
      }
  return snapshot
}

/** As the original has jq print it: a document for each kind. */
function names(snapshot: Snapshot): string {
  return Object.entries(snapshot)
    .map(([kind, list]) => {
      const all = (list as KubeObject[]).map(({ metadata }) => ({
        name: metadata.name,
        ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
        ...('clusterName' in metadata && { cluster: metadata.clusterName }),
      }))
      return JSON.stringify({ kind, list: all }, undefined, 2)
    })
    .join('\n')
}
