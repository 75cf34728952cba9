// The volumes of one pod as folders, and where its containers find them.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import type { KubeApi } from '../controllers/client/index.ts'
import { type ConfigFiles, readConfig, secretNameOf } from './config-data.ts'
import { ConfigError, fieldOf, type PodFacts, resourceOf } from './env.ts'
import type { Mounts } from './mounts.ts'
import { requestToken, type Token } from './tokens.ts'
import type { ConfigSource, Container, DownwardItem, Pod, Volume } from './types.ts'

export const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface PodVolumesOptions {
  readonly api: KubeApi
  /** The pod's folder. */
  readonly folder: string
  /** Where volumes that outlive their pod are, by claim. */
  readonly claims: string
  readonly facts: PodFacts
  readonly onError: (error: unknown) => void
}

type Files = Map<string, { content: Buffer; mode?: number | undefined }>

/** The folders of a pod's volumes. */
export class PodVolumes {
  readonly #options: PodVolumesOptions
  readonly #tokens = new Map<string, Token>()

  constructor(options: PodVolumesOptions) {
    this.#options = options
  }

  /**
   * Makes the folders, and brings those that show ConfigMaps, Secrets, tokens or the pod itself up to date.
   * Throws `ConfigError` for something named that is not there.
   */
  async refresh(pod: Pod): Promise<void> {
    const volumes = pod.spec?.volumes ?? []
    const config = await readConfig(this.#options.api, pod, [], volumes)
    for (const volume of volumes) await this.#provide(volume, pod, config)
    // Few programs use the token that every pod has; none of the others should wait for it.
    if (lacksToken(pod))
      await this.#provide(ownTokenVolume, pod, await readConfig(this.#options.api, pod, [], [ownTokenVolume])).catch(
        this.#options.onError,
      )
  }

  /** Where each mount of a container really is. */
  mountsOf(pod: Pod, container: Container): Mounts {
    const mounts = new Map<string, string>()
    for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
      const folder = this.#folderOf(name)
      mounts.set(mountPath, subPath === undefined || subPath === '' ? folder : inside(folder, subPath))
    }
    if (pod.spec?.automountServiceAccountToken !== false && !mounts.has(serviceAccountPath)) {
      mounts.set(serviceAccountPath, this.#folderOf(ownToken))
    }
    return mounts
  }

  #folderOf(volume: string): string {
    return join(this.#options.folder, 'volumes', volume)
  }

  async #provide(volume: Volume, pod: Pod, config: ConfigFiles): Promise<void> {
    const folder = this.#folderOf(volume.name)
    if (volume.hostPath || volume.persistentVolumeClaim) return this.#link(volume, pod, folder)
    mkdirSync(folder, { recursive: true })
    const files: Files = new Map()
    const sources = volume.projected?.sources ?? [volume]
    for (const source of sources) {
      addConfig(files, 'configmap', source.configMap?.name, source.configMap, config.configMaps)
      addConfig(files, 'secret', secretNameOf(source.secret), source.secret, config.secrets)
      addDownward(files, source.downwardAPI?.items ?? [], pod, this.#options.facts)
      if ('serviceAccountToken' in source && source.serviceAccountToken) {
        const { path, audience, expirationSeconds } = source.serviceAccountToken
        const token = await this.#token(pod, `${volume.name}/${path}`, audience, expirationSeconds)
        files.set(path, { content: Buffer.from(token), mode: 0o600 })
      }
    }
    const shown = volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected
    if (shown) writeFiles(folder, files)
  }

  #link(volume: Volume, pod: Pod, folder: string): void {
    if (existsSync(folder)) return
    mkdirSync(dirname(folder), { recursive: true })
    const claim = volume.persistentVolumeClaim?.claimName
    const target =
      claim === undefined
        ? (volume.hostPath?.path ?? '/')
        : join(this.#options.claims, pod.metadata.namespace ?? 'default', claim)
    if (claim !== undefined || (volume.hostPath?.type ?? '').endsWith('OrCreate'))
      mkdirSync(target, { recursive: true })
    symlinkSync(target, folder)
  }

  async #token(pod: Pod, id: string, audience: string | undefined, seconds: number | undefined): Promise<string> {
    const known = this.#tokens.get(id)
    if (known && Date.now() < known.renewAtMs) return known.token
    const token = await requestToken(this.#options.api, pod, audience, seconds)
    this.#tokens.set(id, token)
    return token.token
  }
}

const ownToken = 'kube-api-access'

/** The volume with the API token that admission adds to a pod, where it has not. */
const ownTokenVolume: Volume = {
  name: ownToken,
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }], optional: true } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
}

function lacksToken({ spec }: Pod): boolean {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  const mounted = containers.some((c) => c.volumeMounts?.some((mount) => mount.mountPath === serviceAccountPath))
  return !mounted && spec?.automountServiceAccountToken !== false
}

function addConfig(
  files: Files,
  kind: string,
  name: string | undefined,
  source: ConfigSource | undefined,
  found: ReadonlyMap<string, ReadonlyMap<string, Buffer>>,
): void {
  if (!source || name === undefined) return
  const content = found.get(name)
  if (!content) {
    if (source.optional) return
    throw new ConfigError(`${kind} "${name}" not found`)
  }
  const items = source.items ?? [...content.keys()].map((key) => ({ key, path: key, mode: undefined }))
  for (const { key, path, mode } of items) {
    const bytes = content.get(key)
    if (bytes) files.set(path, { content: bytes, mode: mode ?? source.defaultMode })
    else if (!source.optional) throw new ConfigError(`references non-existent ${kind} key: ${key}`)
  }
}

function addDownward(files: Files, items: readonly DownwardItem[], pod: Pod, facts: PodFacts): void {
  const [first] = pod.spec?.containers ?? []
  for (const { path, fieldRef, resourceFieldRef } of items) {
    if (fieldRef) files.set(path, { content: Buffer.from(fieldOf(pod, fieldRef.fieldPath, facts)) })
    else if (resourceFieldRef && first) {
      files.set(path, { content: Buffer.from(resourceOf(pod, first, resourceFieldRef, facts)) })
    }
  }
}

/** Makes the folder hold these files and no others; each changes in one step. */
function writeFiles(folder: string, files: Files): void {
  for (const [path, { content, mode }] of files) {
    const file = inside(folder, path)
    if (existsSync(file) && readFileSync(file).equals(content)) continue
    mkdirSync(dirname(file), { recursive: true })
    const draft = `${file}..new`
    writeFileSync(draft, content)
    chmodSync(draft, (mode ?? 0o644) | 0o600)
    renameSync(draft, file)
  }
  const kept = new Set([...files.keys()].map((path) => inside(folder, path)))
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name)
    if (entry.isFile() && !kept.has(file)) rmSync(file, { force: true })
  }
}

/** A path below a folder. Throws if it would lead out of it. */
function inside(folder: string, path: string): string {
  const file = resolve(folder, path)
  if (file !== folder && !file.startsWith(folder + sep)) throw new ConfigError(`path ${path} leads out of its volume`)
  return file
}
