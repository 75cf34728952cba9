import { type FleetCluster, installCrds } from '../clusters/index.ts'
import { fairleadKinds } from '../resources/fairlead/index.ts'
import { allKinds, toCrd } from '../resources/index.ts'
import { istioKinds } from '../resources/istio/index.ts'
import { clusterKinds } from '../resources/tsb/index.ts'
import type { Log } from './log.ts'

/** Groups whose kinds are written to clusters which are not the management cluster. */
const remoteGroups = new Set(['security.zephyr.solo.io', 'certificates.mesh.gloo.solo.io'])
const retryMs = 15_000

const managementCrds = allKinds.map(toCrd)
/** Beside them, what users apply in each cluster. */
const remoteCrds = [
  ...istioKinds,
  ...fairleadKinds,
  ...allKinds.filter(({ group }) => remoteGroups.has(group)),
  ...clusterKinds,
].map(toCrd)

/** Keeps our kinds known to clusters: looks again whenever a cluster has changed, as long as this replica writes. */
export class CrdInstaller {
  readonly #release: string
  readonly #log: Log
  readonly #isActive: () => boolean
  readonly #busy = new Set<string>()
  /** Clusters where it failed: they are left alone until the timer ends. */
  readonly #retries = new Map<string, NodeJS.Timeout>()

  constructor(release: string, log: Log, isActive: () => boolean) {
    this.#release = release
    this.#log = log
    this.#isActive = isActive
  }

  async check(cluster: FleetCluster, isManagement: boolean): Promise<void> {
    const { connection, name, state } = cluster
    const present = connection.objects('apiextensions.k8s.io/CustomResourceDefinition')
    const isListed = state.kinds.get('apiextensions.k8s.io/CustomResourceDefinition')?.state === 'watching'
    if (!this.#isActive() || !isListed || this.#busy.has(name) || this.#retries.has(name)) return
    this.#busy.add(name)
    try {
      const wanted = isManagement ? managementCrds : remoteCrds
      const written = await installCrds(connection.client, wanted, present, this.#release)
      if (written.length > 0) this.#log.info({ cluster: name, crds: written.length }, 'CRDs installed or updated')
    } catch (error) {
      this.#log.warn({ cluster: name, err: error }, 'cannot install CRDs; will try again')
      const again = (): void => {
        this.#retries.delete(name)
        void this.check(cluster, isManagement)
      }
      this.#retries.set(name, setTimeout(again, retryMs))
    } finally {
      this.#busy.delete(name)
    }
  }

  stop(): void {
    for (const timer of this.#retries.values()) clearTimeout(timer)
  }
}
