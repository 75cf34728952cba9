// Envoy: where the user says, then PATH, then the cache, else installed into the cache.
import { existsSync } from 'node:fs'
import { cachedBinary, cacheFolders, type Environment, onPath } from './cache.ts'
import { installEnvoy } from './install.ts'
import { pinnedVersion } from './pins.ts'
import { EnvoyProblem } from './problem.ts'
import { isUsable, versionOf } from './version.ts'

export interface EnvoyBinary {
  readonly path: string
  readonly version: string
  readonly source: 'FAIRLEAD_ENVOY' | 'PATH' | 'cache' | 'installed'
}

export interface FindEnvoyOptions {
  readonly env?: Environment
  /** One line about what is being done, or about something found that is not used. */
  readonly onProgress?: (message: string) => void
  readonly signal?: AbortSignal
  /** Whether to install what is not found; true by default. */
  readonly install?: boolean
}

/** Finds an Envoy of the pinned version, installing it if need be. Throws `EnvoyProblem`, which says what to do. */
export async function findEnvoy(options: FindEnvoyOptions = {}): Promise<EnvoyBinary> {
  const env = options.env ?? process.env
  const say = options.onProgress ?? (() => undefined)
  const named = env['FAIRLEAD_ENVOY']
  if (named !== undefined && named !== '') return namedEnvoy(named, env)
  for (const path of onPath(env)) {
    const version = await versionOf(path).catch((error: unknown) => {
      say(`not used: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    })
    if (version === undefined) continue
    if (isUsable(version)) return { path, version, source: 'PATH' }
    say(`not used: ${path} is Envoy ${version}, and Fairlead needs ${pinnedVersion}`)
  }
  const folders = cacheFolders(env)
  for (const folder of folders) {
    const path = cachedBinary(folder)
    if (!existsSync(path)) continue
    try {
      return { path, version: await versionOf(path), source: 'cache' }
    } catch (error) {
      say(`installed again: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (options.install === false) {
    const advice = 'Let Fairlead install it (any sandbox command does), or name one in FAIRLEAD_ENVOY.'
    throw new EnvoyProblem('envoy-missing', `There is no Envoy ${pinnedVersion} on this machine. ${advice}`)
  }
  const [folder = ''] = folders
  const path = await installEnvoy({ env, folder, onProgress: say, signal: options.signal })
  return { path, version: await versionOf(path), source: 'installed' }
}

async function namedEnvoy(path: string, env: Environment): Promise<EnvoyBinary> {
  const unset = 'Correct FAIRLEAD_ENVOY, or unset it to let Fairlead find or install one.'
  const version = await versionOf(path).catch((error: unknown) => {
    if (!(error instanceof EnvoyProblem)) throw error
    throw new EnvoyProblem(error.code, `FAIRLEAD_ENVOY: ${error.message}. ${unset}`, { cause: error })
  })
  if (!isUsable(version) && env['FAIRLEAD_ENVOY_ANY_VERSION'] !== '1') {
    const what = `FAIRLEAD_ENVOY=${path} is Envoy ${version}, and Fairlead needs ${pinnedVersion}.`
    const force = 'FAIRLEAD_ENVOY_ANY_VERSION=1 uses it all the same.'
    throw new EnvoyProblem('envoy-wrong-version', `${what} ${unset} ${force}`)
  }
  return { path, version, source: 'FAIRLEAD_ENVOY' }
}
