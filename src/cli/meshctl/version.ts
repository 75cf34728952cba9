// `meshctl version`: this program, and what runs in the management namespace.
import type { Command } from 'commander'
import type { KubeObject } from '../../resources/index.ts'
import { asMap, defaultNamespace, type ManagementFlags, managementFlags, withManagement } from './management.ts'

export function register(program: Command): void {
  managementFlags(program.command('version'))
    .description('Display the version of meshctl and Gloo Mesh server components')
    .action(async (flags: ManagementFlags, command: Command) => {
      const client = { version: command.parent?.version() ?? '' }
      console.log(JSON.stringify({ client, server: await serverVersions(flags) }, undefined, 2))
    })
}

/** A cluster that cannot be asked is no reason to hide one's own version. */
async function serverVersions(flags: ManagementFlags): Promise<object[]> {
  const namespace = flags.namespace ?? defaultNamespace
  try {
    const deployments = await withManagement(flags, (cluster) => cluster.list('apps', 'Deployment', namespace))
    const components = deployments.map((deployment) => ({
      componentName: deployment.metadata.name,
      images: imagesOf(deployment),
    }))
    return components.length === 0 ? [] : [{ Namespace: namespace, components }]
  } catch (error) {
    console.error(`Unable to connect to Kubernetes: ${(error as Error).message}`)
    return []
  }
}

function imagesOf({ spec }: KubeObject): object[] {
  const { containers = [] } = asMap(asMap(asMap(spec)['template'])['spec']) as {
    containers?: readonly { name: string; image?: string }[]
  }
  return containers.map(({ name, image = '' }) => ({ name, ...parseImage(image) }))
}

/** `domain/path:tag` or `domain/path@digest`, with the defaults of image registries. */
export function parseImage(image: string): { domain: string; path: string; version: string } {
  const [, whole = image, tag, digest] = /^(.*?)(?::([^:/@]+))?(?:@(.+))?$/.exec(image) ?? []
  const slash = whole.indexOf('/')
  const first = whole.slice(0, slash)
  const hasDomain = slash > 0 && (/[.:]/.test(first) || first === 'localhost')
  const path = hasDomain ? whole.slice(slash + 1) : slash > 0 ? whole : `library/${whole}`
  return { domain: hasDomain ? first : 'docker.io', path, version: digest ?? tag ?? 'latest' }
}
