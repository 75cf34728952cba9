import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { homeDirectory } from '../../clusters/home/index.ts'

export { homeDirectory } from '../../clusters/home/index.ts'

/** The folder of one sandbox: what it was made with, its clusters' stores, logs, keys. */
export function sandboxDirectory(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(homeDirectory(env), 'sandboxes', name)
}

/** Names of all sandboxes that have a folder, up or not. */
export function sandboxNames(env: NodeJS.ProcessEnv = process.env): string[] {
  try {
    return readdirSync(join(homeDirectory(env), 'sandboxes'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
