// `meshctl mesh restart`: deletes the pods of a mesh's workloads, so that they start again with a new root.
import type { Command } from 'commander'
import { KubeconfigError } from '../../clusters/index.ts'
import {
  asMap,
  attempt,
  defaultNamespace,
  type ManagementFlags,
  managementFlags,
  withManagement,
} from './management.ts'
import { connect } from './snapshot.ts'

interface RestartFlags extends ManagementFlags {
  readonly meshName: string
  readonly meshNamespace?: string
}

export function register(program: Command): void {
  const mesh = program.command('mesh').description('Manage service meshes')
  managementFlags(mesh.command('restart'))
    .description('Restart workloads of a mesh')
    .requiredOption('--mesh-name <name>', 'name of the Mesh object')
    .option('--mesh-namespace <name>', `namespace of the Mesh object (default: ${defaultNamespace})`)
    .action((flags: RestartFlags, command: Command) => attempt(command, () => restart(flags)))
}

const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }

async function restart(flags: RestartFlags): Promise<void> {
  await withManagement(flags, async (management) => {
    const members = await connect(management)
    try {
      const workloads = (await management.list('discovery.mesh.gloo.solo.io', 'Workload')).flatMap(({ spec }) => {
        const { mesh, kubernetes } = asMap(spec) as {
          mesh?: { name?: string; namespace?: string }
          kubernetes?: { podLabels?: Record<string, string>; controller?: { namespace?: string; clusterName?: string } }
        }
        const isMeant = mesh?.name === flags.meshName && mesh.namespace === (flags.meshNamespace ?? defaultNamespace)
        return isMeant && kubernetes !== undefined ? [kubernetes] : []
      })
      if (workloads.length === 0)
        throw new KubeconfigError(`mesh ${flags.meshName} has no workloads; see meshctl describe mesh`)
      // The original takes the management cluster for all, and looks in every namespace.
      for (const { podLabels = {}, controller = {} } of workloads) {
        const cluster = members.get(controller.clusterName ?? '')
        const labels = Object.entries(podLabels)
        if (cluster === undefined || labels.length === 0) continue
        const wanted = labels.map(([key, value]) => `${key}=${value}`).join(',')
        const listed = await cluster.client.list(pods, { namespace: controller.namespace ?? '', labelSelector: wanted })
        for (const { metadata } of listed.items) {
          await cluster.client.delete(pods, metadata.name, metadata.namespace)
          console.log(`deleted pod ${metadata.name}.${metadata.namespace}.${controller.clusterName}`)
        }
      }
    } finally {
      for (const member of members.values()) member.close()
    }
  })
}
