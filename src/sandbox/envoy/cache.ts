import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pinnedVersion } from './pins.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const binaryName = process.platform === 'win32' ? 'envoy.exe' : 'envoy'

/**
 * Folders in which an installed Envoy is looked for, the first being where it is installed. It is the user's cache
 * and not the state folder, since many sandboxes share one binary of 100 MB.
 */
export function cacheFolders(env: Environment): string[] {
  const home = env['HOME'] ?? homedir()
  const user =
    env['FAIRLEAD_CACHE'] ??
    (process.platform === 'win32'
      ? join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'fairlead', 'cache')
      : join(env['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'fairlead'))
  const state = env['FAIRLEAD_HOME']
  return [user, ...(state === undefined ? [] : [state])]
}

/** Where the binary of a version lies in a cache folder. */
export function cachedBinary(folder: string, version = pinnedVersion): string {
  return join(folder, 'envoy', version, binaryName)
}

/** All programs called envoy on PATH, in its order. */
export function onPath(env: Environment): string[] {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, binaryName))
    .filter((path) => existsSync(path))
}
