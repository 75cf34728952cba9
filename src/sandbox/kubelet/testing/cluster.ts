// A bare cluster for tests: API server, controllers, kubelet. `node cluster.ts FOLDER` runs one until it is killed.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startApiServer } from '../../apiserver/index.ts'
import { runControllers } from '../../controllers/index.ts'
import { kubeconfigFor, writeKubeconfig } from '../../supervisor/kubeconfig.ts'
import { claimAddresses } from '../../supervisor/ranges.ts'
import { type RunningKubelet, startKubelet } from '../index.ts'

export interface TestCluster {
  readonly kubeconfig: string
  readonly kubelet: RunningKubelet
  /** What kubelet and controllers have said. */
  readonly said: readonly string[]
  close(): Promise<void>
}

/** Starts a cluster on a folder; one that was there before goes on. */
export async function startTestCluster(folder: string): Promise<TestCluster> {
  const said: string[] = []
  const log = (message: string): void => void said.push(message)
  const token = 'of-the-api-server'
  const claim = await claimAddresses()
  const server = await startApiServer({ dataDir: join(folder, 'store'), kubelet: { token } })
  const admin = await server.issueCredential('admin', ['system:masters'])
  const user = { token: admin.token }
  const access = { context: 'east', server: server.url, certificateAuthority: server.caPem, user }
  const kubeconfig = join(folder, 'kubeconfig')
  writeKubeconfig(kubeconfig, kubeconfigFor([access]))
  const controllers = await runControllers({ cluster: 'east', kubeconfig, context: 'east', log })
  await controllers.ready
  const kubelet = await startKubelet({
    cluster: 'east',
    access: { kubeconfig },
    dataDir: join(folder, 'kubelet'),
    node: { name: 'east-control-plane', region: 'eu', zone: 'eu-a' },
    addresses: claim.addresses,
    token,
    log,
  })
  await kubelet.synced
  return {
    kubeconfig,
    kubelet,
    said,
    async close() {
      await kubelet.close()
      await controllers.close()
      await server.close()
      claim.release()
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await startTestCluster(process.argv[2] ?? '')
  console.log('up')
}
