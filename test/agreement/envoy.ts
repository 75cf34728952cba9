// One real Envoy that plays all proxies of some worlds.
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '@bufbuild/protobuf'
import type { Certificates } from './certificates.ts'
import type { PlacedProxy } from './resources.ts'

export interface RunningEnvoy {
  readonly adminUrl: string
  stop(): Promise<void>
}

export interface EnvoyOptions {
  readonly path: string
  readonly folder: string
  readonly adminAddress: string
  readonly proxies: readonly PlacedProxy[]
  readonly certificates: Certificates
}

const adminPort = 15000
const startLimitMs = 300_000

/** Starts it, and waits until all listeners are there. Rejects with Envoy's own words if it refuses the configuration. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const { path, folder, adminAddress } = options
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'envoy.json')
  const log = join(folder, 'envoy.log')
  writeFileSync(file, JSON.stringify(await bootstrap(options)))
  const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning']
  const out = openSync(log, 'w')
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, ...args], { stdio: ['ignore', out, out] })
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => resolve(`exit ${code ?? signal}`))
  })
  let how: string | undefined
  void ended.then((text) => {
    how = text
  })
  const deadline = Date.now() + startLimitMs
  while (how === undefined && !(await isReady(adminAddress))) {
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`Envoy is not ready after ${startLimitMs} ms; see ${log}`)
    }
    await delay(50)
  }
  if (how !== undefined) throw new Error(`Envoy ended (${how}):\n${readFileSync(log, 'utf8').slice(-4000)}`)
  return {
    adminUrl: `http://${adminAddress}:${adminPort}`,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function isReady(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}:${adminPort}/ready`, { signal: AbortSignal.timeout(2000) })
    return response.ok
  } catch {
    // It does not listen yet.
    return false
  }
}

async function bootstrap({ proxies, adminAddress, certificates }: EnvoyOptions): Promise<JsonObject> {
  const secrets = await Promise.all(
    proxies.flatMap((proxy) =>
      [...proxy.secrets].map(([name, asked]) => certificates.secret(name, asked, proxy.principal)),
    ),
  )
  return {
    admin: { address: { socketAddress: { address: adminAddress, portValue: adminPort } } },
    bootstrapExtensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typedConfig: {
          '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
        },
      },
    ],
    staticResources: {
      listeners: proxies.flatMap(({ listeners }) => listeners),
      clusters: proxies.flatMap(({ clusters }) => clusters),
      secrets,
    },
  }
}
