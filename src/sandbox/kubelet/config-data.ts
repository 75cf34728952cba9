// The ConfigMaps and Secrets that a pod names, read once for each start of a container or refresh of its volumes.
import type { KubeObject } from '../../resources/index.ts'
import { type KubeApi, type Resource, resources } from '../controllers/client/index.ts'
import type { ConfigData } from './env.ts'
import type { ConfigSource, Container, Pod, Volume } from './types.ts'

interface DataObject extends KubeObject {
  data?: Record<string, string>
  binaryData?: Record<string, string>
}

/** Contents as bytes, for files. */
export interface ConfigFiles {
  readonly configMaps: ReadonlyMap<string, ReadonlyMap<string, Buffer>>
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Buffer>>
}

interface Names {
  readonly configMaps: Set<string>
  readonly secrets: Set<string>
}

function namesIn(containers: readonly Container[], volumes: readonly Volume[]): Names {
  const names: Names = { configMaps: new Set(), secrets: new Set() }
  const add = (set: Set<string>, name: string | undefined): void => {
    if (name !== undefined && name !== '') set.add(name)
  }
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      add(names.configMaps, source.configMapRef?.name)
      add(names.secrets, source.secretRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      add(names.configMaps, valueFrom?.configMapKeyRef?.name)
      add(names.secrets, valueFrom?.secretKeyRef?.name)
    }
  }
  const sources = volumes.flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])])
  for (const source of sources) {
    add(names.configMaps, source.configMap?.name)
    add(names.secrets, secretNameOf(source.secret))
  }
  return names
}

/** Projected secrets say `name`, volumes of their own `secretName`. */
export function secretNameOf(source: ConfigSource | undefined): string | undefined {
  return source?.secretName ?? source?.name
}

/** Reads what containers and volumes name. What is not there is left out; whoever needs it says so. */
export async function readConfig(
  api: KubeApi,
  pod: Pod,
  containers: readonly Container[],
  volumes: readonly Volume[],
): Promise<ConfigFiles> {
  const names = namesIn(containers, volumes)
  const namespace = pod.metadata.namespace ?? 'default'
  const read = async (
    resource: Resource,
    wanted: ReadonlySet<string>,
  ): Promise<Map<string, ReadonlyMap<string, Buffer>>> => {
    const found = new Map<string, ReadonlyMap<string, Buffer>>()
    for (const name of wanted) {
      const object = await api.find<DataObject>(resource, namespace, name)
      if (!object) continue
      const isSecret = resource === resources.secrets
      const content = new Map<string, Buffer>()
      for (const [key, text] of Object.entries(object.data ?? {})) {
        content.set(key, Buffer.from(text, isSecret ? 'base64' : 'utf8'))
      }
      for (const [key, text] of Object.entries(object.binaryData ?? {})) content.set(key, Buffer.from(text, 'base64'))
      found.set(name, content)
    }
    return found
  }
  return {
    configMaps: await read(resources.configMaps, names.configMaps),
    secrets: await read(resources.secrets, names.secrets),
  }
}

/** The same as text, for variables. */
export function asText(files: ConfigFiles): ConfigData {
  const text = (content: ReadonlyMap<string, Buffer> | undefined): Record<string, string> | undefined =>
    content && Object.fromEntries([...content].map(([key, bytes]) => [key, bytes.toString()]))
  return {
    configMap: (name) => text(files.configMaps.get(name)),
    secret: (name) => text(files.secrets.get(name)),
  }
}
