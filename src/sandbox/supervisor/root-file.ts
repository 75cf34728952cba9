// The root behind the control plane's certificate, as a file for the agents of proxies: what the control plane writes
// into the ConfigMap istio-ca-root-cert of a cluster, kept up to date.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KubeClient, loadAccess, Reflector } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { systemNamespace } from './mesh-objects.ts'

const mapName = 'istio-ca-root-cert'
const mapKey = 'root-cert.pem'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export class RootFile {
  readonly path: string
  private readonly client: KubeClient
  private readonly reflector: Reflector

  constructor(kubeconfig: string, context: string, path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    this.client = new KubeClient(loadAccess(kubeconfig, context), 'fairlead-sandbox')
    this.reflector = new Reflector({
      client: this.client,
      type: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
      fieldSelector: `metadata.namespace=${systemNamespace},metadata.name=${mapName}`,
      timing: { firstRetryMs: 200, maximumRetryMs: 2000 },
      sink: {
        replace: (objects) => objects.forEach((object) => this.write(object)),
        set: (_key, object) => this.write(object),
        // The last known root stays: without it no proxy could reach the control plane.
        delete: () => undefined,
      },
    })
    this.reflector.start()
  }

  /** Waits until the file is there; throws after `withinMs`. */
  async written(withinMs: number, signal?: AbortSignal): Promise<void> {
    for (const end = Date.now() + withinMs; !existsSync(this.path); await delay(50)) {
      signal?.throwIfAborted()
      if (Date.now() > end) {
        throw new Error(
          `the control plane has not written ConfigMap ${systemNamespace}/${mapName} in ${withinMs / 1000} s`,
        )
      }
    }
  }

  async close(): Promise<void> {
    await this.reflector.stop()
    this.client.close()
  }

  private write(map: ConfigMap): void {
    const pem = map.data?.[mapKey]
    if (map.metadata.name !== mapName || map.metadata.namespace !== systemNamespace || pem === undefined) return
    const draft = `${this.path}.new`
    writeFileSync(draft, pem)
    renameSync(draft, this.path)
  }
}
