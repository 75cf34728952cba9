import { createHash } from 'node:crypto'
import type { KubeObject } from '../resources/index.ts'
import { ApiError, type KubeClient, type ResourceType } from './client/index.ts'

export const fieldManager = 'fairlead'

const crdType: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

/** Annotations that tell which of our releases, and which content, a CRD is of. */
const releaseAnnotation = 'fairlead.dev/release'
const contentAnnotation = 'fairlead.dev/content'

export type CrdAction = 'install' | 'update' | 'keep'

/**
 * What to do about one CRD. Missing ones are installed. One that another product installed (Istio's own CRDs) is
 * kept as it is: its owner knows which versions it needs. Ours is updated, unless a newer release of ours made it.
 */
export function crdAction(wanted: KubeObject, present: KubeObject | undefined, release: string): CrdAction {
  if (present === undefined) return 'install'
  const annotations = present.metadata.annotations ?? {}
  const installedBy = annotations[releaseAnnotation]
  if (installedBy === undefined || compareReleases(installedBy, release) > 0) return 'keep'
  return annotations[contentAnnotation] === contentOf(wanted) ? 'keep' : 'update'
}

/** Installs what is missing or older. Returns the names of what was written; throws after the last one if any failed. */
export async function installCrds(
  client: KubeClient,
  wanted: readonly KubeObject[],
  present: ReadonlyMap<string, KubeObject>,
  release: string,
): Promise<string[]> {
  const written: string[] = []
  const refused: string[] = []
  for (const crd of wanted) {
    const { name } = crd.metadata
    if (crdAction(crd, present.get(name), release) === 'keep') continue
    const annotations = {
      ...crd.metadata.annotations,
      [releaseAnnotation]: release,
      [contentAnnotation]: contentOf(crd),
    }
    try {
      const object = { ...crd, metadata: { ...crd.metadata, annotations } }
      await client.apply(crdType, object, { manager: fieldManager, force: true })
      written.push(name)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      refused.push(error.message)
    }
  }
  if (refused.length > 0) throw new Error(refused.join('; '))
  return written
}

const contents = new WeakMap<KubeObject, string>()

function contentOf(crd: KubeObject): string {
  let content = contents.get(crd)
  if (content === undefined) {
    content = createHash('sha256').update(JSON.stringify(crd.spec)).digest('hex').slice(0, 16)
    contents.set(crd, content)
  }
  return content
}

/** By numbers: 0.10.0 is newer than 0.9.1. */
export function compareReleases(a: string, b: string): number {
  const numbers = (text: string): number[] => text.split(/[.+-]/).map((part) => Number.parseInt(part, 10) || 0)
  const [x, y] = [numbers(a), numbers(b)]
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
