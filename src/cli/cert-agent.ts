// `fairlead cert-agent`: certificates of a mesh that runs istiod, issued on its own cluster.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { CertAgent } from '../cert-agent/index.ts'
import { type Access, defaultAccess, KubeClient, KubeconfigError, loadAccess } from '../clusters/index.ts'

interface Options {
  readonly kubeconfig?: string
  readonly context?: string
  readonly serviceAccount?: string
}

export function register(program: Command): void {
  program
    .command('cert-agent')
    .description('Get certificates of the shared root for a mesh that runs istiod; runs on (or for) its cluster')
    .option('--kubeconfig <file>', 'without: as kubectl finds it, else the service account of the pod')
    .option('--context <name>', 'of the kubeconfig; without: the current one')
    .option('--service-account <folder>', 'of token and ca.crt of a pod, where it is not in the usual place')
    .addHelpText(
      'after',
      `
Works on IssuedCertificate, CertificateRequest and PodBounceDirective as the agent of Gloo Mesh does. The private key
stays in the cluster. The control plane writes IssuedCertificates for clusters that have an agent: a pod or Deployment
with the label app: cert-agent. Run one agent for a cluster, this one or the original's.`,
    )
    .action(async (options: Options) => {
      let access: Access
      try {
        access = accessOf(options)
      } catch (error) {
        if (!(error instanceof KubeconfigError)) throw error
        console.error(`fairlead cert-agent: ${error.message}`)
        process.exitCode = 2
        return
      }
      await run(access)
    })
}

function accessOf({ kubeconfig, context, serviceAccount }: Options): Access {
  if (serviceAccount !== undefined) return accountAccess(serviceAccount)
  return kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
}

function accountAccess(folder: string): Access {
  const [host, port] = [process.env['KUBERNETES_SERVICE_HOST'], process.env['KUBERNETES_SERVICE_PORT'] ?? '443']
  const tokenFile = join(folder, 'token')
  if (host === undefined) throw new KubeconfigError('--service-account needs KUBERNETES_SERVICE_HOST, as in a pod')
  if (!existsSync(tokenFile)) throw new KubeconfigError(`--service-account: ${tokenFile} is not there`)
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const cluster = { server, 'certificate-authority': join(folder, 'ca.crt') }
  return { context: 'in-cluster', server, cluster, user: { tokenFile } }
}

async function run(access: Access): Promise<void> {
  const client = new KubeClient(access, 'fairlead-cert-agent')
  const agent = new CertAgent({
    client,
    log: (level, text) => console.log(`${new Date().toISOString()} ${level} ${text}`),
  })
  agent.start()
  console.log(`certificate agent of ${access.server}`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
  await agent.stop()
  client.close()
}
