// Applies manifests as kubectl would, and waits until Deployments are up.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { ApiResources, isNotFound, KubeClient, loadAccess, type ResourceType } from '../../clusters/index.ts'
import { groupOf, type KubeObject } from '../../resources/index.ts'

const examples = join(import.meta.dirname, '../../../examples')

/** The objects of a manifest under `examples/`. */
export function readExample(path: string): KubeObject[] {
  return parseManifest(readFileSync(join(examples, path), 'utf8'))
}

export function parseManifest(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeObject | null) ?? [])
}

/** Writes to one cluster, under one field manager. */
export class Applier {
  readonly client: KubeClient
  private readonly served: ApiResources
  private readonly manager: string

  constructor(kubeconfig: string, context: string, manager = 'fairlead-sandbox') {
    this.client = new KubeClient(loadAccess(kubeconfig, context), manager)
    this.served = new ApiResources(this.client)
    this.manager = manager
  }

  /** Server-side apply, in the order given; `namespace` is for objects that name none. */
  async apply(objects: readonly KubeObject[], namespace?: string): Promise<void> {
    for (const object of objects) {
      const type = await this.typeOf(object)
      const inNamespace = type.namespaced ? { namespace: object.metadata.namespace ?? namespace ?? 'default' } : {}
      const placed = { ...object, metadata: { ...object.metadata, ...inNamespace } }
      await this.client.apply(type, placed, { manager: this.manager, force: true })
    }
  }

  /** Whether the cluster serves a kind by now. */
  async serves(apiVersion: string, kind: string): Promise<boolean> {
    this.served.refresh()
    return (await this.find(apiVersion, kind)) !== undefined
  }

  /** Waits until the cluster serves a kind; throws after `withinMs`. */
  async awaitServed(apiVersion: string, kind: string, withinMs: number, signal?: AbortSignal): Promise<void> {
    for (const end = Date.now() + withinMs; !(await this.serves(apiVersion, kind)); await delay(150)) {
      signal?.throwIfAborted()
      if (Date.now() > end)
        throw new Error(`the cluster does not serve ${kind} (${apiVersion}) after ${withinMs / 1000} s`)
    }
  }

  async get(type: ResourceType, namespace: string, name: string): Promise<KubeObject | undefined> {
    try {
      return await this.client.get(type, name, namespace)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async typeOf(object: { apiVersion: string; kind: string }): Promise<ResourceType> {
    let found = await this.find(object.apiVersion, object.kind)
    if (!found) {
      this.served.refresh()
      found = await this.find(object.apiVersion, object.kind)
    }
    if (!found) throw new Error(`the cluster does not serve ${object.kind} (${object.apiVersion})`)
    return found
  }

  close(): void {
    this.client.close()
  }

  private find(apiVersion: string, kind: string): Promise<ResourceType | undefined> {
    return this.served.find(groupOf(apiVersion), kind, [apiVersion.slice(apiVersion.indexOf('/') + 1)])
  }
}

interface DeploymentLike
  extends KubeObject<
    { replicas?: number },
    { observedGeneration?: number; availableReplicas?: number; updatedReplicas?: number; replicas?: number }
  > {}

/** Waits until all replicas of the Deployments are available; throws, saying which are not, after `withinMs`. */
export async function awaitDeployments(
  applier: Applier,
  namespace: string,
  names: readonly string[],
  options: { withinMs: number; signal?: AbortSignal },
): Promise<void> {
  const type = await applier.typeOf({ apiVersion: 'apps/v1', kind: 'Deployment' })
  const missing = async (name: string): Promise<string | undefined> => {
    const found = (await applier.get(type, namespace, name)) as DeploymentLike | undefined
    const wanted = found?.spec?.replicas ?? 1
    const { observedGeneration = 0, availableReplicas = 0, updatedReplicas = 0, replicas = 0 } = found?.status ?? {}
    const seen = observedGeneration >= (found?.metadata.generation ?? 0)
    if (found && seen && availableReplicas >= wanted && updatedReplicas >= wanted && replicas === wanted)
      return undefined
    return `${name} has ${availableReplicas} of ${wanted} pods available`
  }
  const end = Date.now() + options.withinMs
  for (;;) {
    const open = (await Promise.all(names.map(missing))).filter((text) => text !== undefined)
    if (open.length === 0) return
    options.signal?.throwIfAborted()
    if (Date.now() > end)
      throw new Error(`namespace ${namespace}: ${open.join('; ')} after ${options.withinMs / 1000} s`)
    await delay(150)
  }
}
