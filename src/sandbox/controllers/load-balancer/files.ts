import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { EnvoyFiles } from './envoy-config.ts'

/** Puts a file in place by rename, so that its reader (Envoy watches for moves) sees all of it or nothing. */
async function place(path: string, content: object): Promise<void> {
  const text = `${JSON.stringify(content, undefined, 2)}\n`
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, text)
  await rename(draft, path)
}

/** Writes what changed, in the order make before break: endpoints, clusters, listeners. */
export async function writeEnvoyFiles(directory: string, files: EnvoyFiles): Promise<void> {
  for (const [name, content] of files.endpoints) await place(join(directory, 'eds', name), content)
  await place(join(directory, 'cds.json'), files.clusters)
  await place(join(directory, 'lds.json'), files.listeners)
  const present = await readdir(join(directory, 'eds')).catch(() => [])
  for (const name of present) if (!files.endpoints.has(name)) await rm(join(directory, 'eds', name), { force: true })
}

export async function writeBootstrap(directory: string, content: object): Promise<string> {
  const path = join(directory, 'bootstrap.json')
  await place(path, content)
  return path
}
