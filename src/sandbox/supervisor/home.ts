import { join } from 'node:path'
import { homeDirectory } from '../../clusters/home/index.ts'

export { homeDirectory } from '../../clusters/home/index.ts'

/** The folder of one sandbox: what it was made with, its clusters' stores, logs, keys. */
export function sandboxDirectory(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(homeDirectory(env), 'sandboxes', name)
}
