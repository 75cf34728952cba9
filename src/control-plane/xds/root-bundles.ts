// ConfigMap `istio-ca-root-cert` in each namespace: what a pod's agent trusts when it calls us for the first time.
import { fieldManager, type KubeClient, type ResourceType } from '../../clusters/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { ObjectTables } from './object-tables.ts'

export const rootMapName = 'istio-ca-root-cert'
const bundleKey = 'root-cert.pem'

const configMapType: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
}

interface Due {
  readonly cluster: string
  readonly namespace: string
  readonly bundle: string
}

export interface RootBundleOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly clientOf: (cluster: string) => KubeClient | undefined
  readonly mayWrite: () => boolean
  readonly failed: (cluster: string, error: unknown) => void
}

/** A write that was not seen to arrive, or failed, is done again after this. */
const againMs = 3000

export class RootBundles {
  /** PEM by cluster. */
  readonly bundles: Table<string>
  readonly #options: RootBundleOptions
  readonly #due: Query<string, readonly Due[]>
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #written = new Map<string, { readonly bundle: string; readonly at: number }>()

  constructor(options: RootBundleOptions) {
    this.#options = options
    const { engine, tables } = options
    this.bundles = engine.table<string>('xds/root-bundles')
    this.#due = engine.define<string, readonly Due[]>('xds/root-maps-due', (read) =>
      read.keys(this.bundles).flatMap((cluster) => {
        const bundle = read.get(this.bundles, cluster) ?? ''
        return read.all(tables.table(cluster, '/Namespace')).flatMap(({ metadata }) => {
          if (metadata.deletionTimestamp !== undefined) return []
          const map = read.get(tables.table(cluster, '/ConfigMap'), `${metadata.name}/${rootMapName}`)
          const now = (map as (KubeObject & { data?: Record<string, string> }) | undefined)?.data?.[bundleKey]
          return now === bundle ? [] : [{ cluster, namespace: metadata.name, bundle }]
        })
      }),
    )
    this.#observer = engine.observe(() => this.#write())
    this.#observer.watch(this.#due, '')
    this.#timer = setInterval(() => this.#write(), againMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#observer.close()
  }

  #write(): void {
    if (!this.#options.mayWrite()) return
    const now = Date.now()
    const due = this.#options.engine.get(this.#due, '')
    const keys = new Set(due.map(({ cluster, namespace }) => `${cluster} ${namespace}`))
    for (const key of this.#written.keys()) if (!keys.has(key)) this.#written.delete(key)
    for (const each of due) {
      const key = `${each.cluster} ${each.namespace}`
      const written = this.#written.get(key)
      if (written?.bundle === each.bundle && now - written.at < againMs) continue
      this.#written.set(key, { bundle: each.bundle, at: now })
      void this.#apply(each)
    }
  }

  async #apply({ cluster, namespace, bundle }: Due): Promise<void> {
    const metadata = { name: rootMapName, namespace, labels: { 'istio.io/config': 'true' } }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [bundleKey]: bundle } }
    try {
      await this.#options.clientOf(cluster)?.apply(configMapType, object, { manager: fieldManager, force: true })
    } catch (error) {
      this.#options.failed(cluster, error)
    }
  }
}
