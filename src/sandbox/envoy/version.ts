import { execFile } from 'node:child_process'
import { pinnedVersion } from './pins.ts'
import { EnvoyProblem } from './problem.ts'

/** The version in what `envoy --version` prints (`…/1.40.0/Clean/RELEASE/BoringSSL`), undefined if there is none. */
export function parseVersion(text: string): string | undefined {
  return /version:\s*[0-9a-f]*\/(\d+\.\d+\.\d+)(?:-[\w.]+)?\//.exec(text)?.[1]
}

/** Whether proxies of this version may be driven: patch releases of the pinned minor version behave alike. */
export function isUsable(version: string): boolean {
  const minor = (v: string): string => v.split('.').slice(0, 2).join('.')
  return minor(version) === minor(pinnedVersion)
}

/** Asks a binary for its version. Throws an `EnvoyProblem` if it does not run or is not Envoy. */
export async function versionOf(path: string): Promise<string> {
  const text = await new Promise<string>((resolve, reject) => {
    execFile(path, ['--version'], { timeout: 20_000 }, (error, stdout) => {
      if (!error) return resolve(stdout)
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      reject(
        new EnvoyProblem(missing ? 'envoy-missing' : 'envoy-broken', `${path} does not run: ${firstLine(error)}`, {
          cause: error,
        }),
      )
    })
  })
  const version = parseVersion(text)
  if (version === undefined) throw new EnvoyProblem('envoy-broken', `${path} does not say which Envoy it is: ${text}`)
  return version
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0] ?? ''
}
