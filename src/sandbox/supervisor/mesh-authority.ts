// The certificates of clusters that are one mesh: a root of the sandbox, and below it an authority for each cluster, given to
// it as a user of Istio would (Secret `cacerts`).
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  authorityOf,
  contentOfAuthority,
  type KeyedCertificate,
  makeIntermediate,
  makeRoot,
  validityFrom,
} from '../../identity/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { systemNamespace } from './mesh-objects.ts'

const tenYearsMs = 3650 * 24 * 3600_000
const organization = 'fairlead sandbox'

/** The Secret `cacerts` of each cluster, by its name; the same again on the next start. */
export async function meshAuthorities(
  directory: string,
  clusters: readonly string[],
): Promise<ReadonlyMap<string, KubeObject>> {
  const validity = validityFrom(Date.now(), tenYearsMs)
  const keyKind = 'ecdsa-p256'
  const folder = join(directory, 'mesh-authority')
  const root = await kept(join(folder, 'root.json'), () =>
    makeRoot({ organization, commonName: 'root of the mesh', keyKind, validity }),
  )
  const secrets = new Map<string, KubeObject>()
  for (const cluster of clusters) {
    const authority = await kept(join(folder, 'clusters', `${cluster}.json`), () =>
      makeIntermediate(root, { organization, commonName: cluster, uris: [], keyKind, validity }),
    )
    secrets.set(cluster, secretOf(authority))
  }
  return secrets
}

function secretOf(authority: KeyedCertificate): KubeObject {
  const secret: KubeObject & { stringData: Record<string, string> } = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cacerts', namespace: systemNamespace },
    stringData: contentOfAuthority(authority),
  }
  return secret
}

/** What a file holds, or what is made and kept there now. */
async function kept(path: string, make: () => Promise<KeyedCertificate>): Promise<KeyedCertificate> {
  const before = authorityOf(read(path))
  if (before) return before
  const made = await make()
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, JSON.stringify(contentOfAuthority(made)), { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return made
}

function read(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}
