// What the commands of meshctl share: the management cluster, and how to end.
import type { Command } from 'commander'
import {
  type Access,
  ApiError,
  ApiResources,
  defaultAccess,
  KubeClient,
  KubeconfigError,
  loadAccess,
  UnreachableError,
} from '../../clusters/index.ts'
import { compareText } from '../../lib/index.ts'
import { type KubeObject, objectKey } from '../../resources/index.ts'

export interface ManagementFlags {
  readonly kubeconfig?: string
  readonly kubecontext?: string
  readonly namespace?: string
}

export const defaultNamespace = 'gloo-mesh'

export function managementFlags(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig of the management cluster; without: as kubectl finds it')
    .option('--kubecontext <name>', 'context of the management cluster; without: the current one')
    .option('--namespace <name>', `namespace that Gloo Mesh lives in (default: ${defaultNamespace})`)
}

export function accessOf(kubeconfig: string | undefined, context: string | undefined): Access {
  return kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
}

/** A cluster, asked by kind. */
export class Cluster {
  readonly client: KubeClient
  readonly resources: ApiResources

  constructor(access: Access) {
    this.client = new KubeClient(access)
    this.resources = new ApiResources(this.client)
  }

  /** All objects of a kind, sorted; none if the cluster does not know the kind. */
  async list(group: string, kind: string, namespace?: string): Promise<KubeObject[]> {
    const type = await this.resources.find(group, kind)
    if (type === undefined) return []
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
    const found: KubeObject[] = []
    let next = ''
    do {
      const page = await this.client.list(type, {
        ...(namespace !== undefined && { namespace }),
        limit: 500,
        ...(next !== '' && { continue: next }),
      })
      // Items of a list do not say what they are.
      found.push(...page.items.map((item) => ({ ...item, apiVersion, kind })))
      next = page.continue
    } while (next !== '')
    return found.sort((a, b) => compareText(objectKey(a), objectKey(b)))
  }

  close(): void {
    this.client.close()
  }
}

/** A value as a mapping; an empty one if it is none. */
export function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

/** Runs with the management cluster, and lets go of it. */
export async function withManagement<T>(flags: ManagementFlags, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = new Cluster(accessOf(flags.kubeconfig, flags.kubecontext))
  try {
    return await work(cluster)
  } finally {
    cluster.close()
  }
}

/** What the user did wrong is exit code 2, what failed 1; both without a stack trace. */
export async function attempt(command: Command, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const known = error instanceof ApiError || error instanceof UnreachableError || error instanceof KubeconfigError
    if (!(error instanceof Error) || (!known && error.constructor !== Error)) throw error
    command.error(`Error: ${error.message}`, { exitCode: error instanceof KubeconfigError ? 2 : 1 })
  }
}
