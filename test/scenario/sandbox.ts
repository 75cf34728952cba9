// A fresh sandbox for one acceptance file, worked from outside by the commands that users type.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { Failure, root } from './context.ts'
import type { Fields, ScenarioFile } from './file.ts'

export interface SampleOptions {
  readonly sample: string
  readonly context?: string | undefined
  readonly namespace?: string | undefined
  readonly only?: string[] | undefined
  readonly replicas?: number | undefined
  readonly noSidecar?: boolean | undefined
}

export interface ScenarioSandbox {
  readonly kubeconfig: string
  /** Variables under which the project's own commands find this sandbox. */
  readonly environment: Readonly<Record<string, string>>
  installSample(options: SampleOptions): Promise<void>
  fault(fields: Fields<'fault'>): Promise<void>
  restartControlPlane(): Promise<void>
  /** Where the programs of a VM find their proxy. */
  vmProxy(name: string): Promise<{ host: string; port: number }>
  close(how: { keep: boolean; failed: boolean }): Promise<void>
}

/**
 * Starts a sandbox as the file says, in a state folder of its own, and returns when its control plane is ready. It ends
 * with this process at the latest, unless it `outlives` it.
 */
export async function openSandbox(
  spec: ScenarioFile['sandbox'],
  signal: AbortSignal,
  { outlives = false }: { outlives?: boolean } = {},
): Promise<ScenarioSandbox> {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-scenario-'))
  const config = join(home, 'sandbox.yaml')
  writeFileSync(config, stringify(spec))
  const environment = { FAIRLEAD_HOME: home, KUBECONFIG: join(home, 'kubeconfig') }
  const fairlead = (args: readonly string[], timeoutMs = 180_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { env: { ...process.env, ...environment }, timeout: timeoutMs, maxBuffer: 16 << 20, signal }
      execFile(process.execPath, [join(root, 'bin/fairlead.mjs'), ...args], options, (error, stdout, stderr) => {
        if (error) reject(new Failure(`fairlead ${args.join(' ')}: ${stderr.trim() || stdout.trim() || error.message}`))
        else resolve(stdout)
      })
    })
  const until = outlives ? [] : ['--pid', String(process.pid)]
  await fairlead(['sandbox', 'up', '--config', config, '--kubeconfig', environment.KUBECONFIG, '--detach', ...until])
  const flag = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}`, String(value)]
  return {
    kubeconfig: environment.KUBECONFIG,
    environment,
    async installSample({ sample, context, namespace, only, replicas, noSidecar }) {
      const where = [...flag('context', context), ...flag('namespace', namespace), ...flag('only', only?.join(','))]
      await fairlead([
        'sandbox',
        'sample',
        sample,
        ...where,
        ...flag('replicas', replicas),
        ...(noSidecar ? ['--no-sidecar'] : []),
      ])
    },
    async fault({ kind, name, delayMs, oneWay, ...target }) {
      const flags = Object.entries(target).flatMap(([key, value]) => flag(key, value))
      await fairlead([
        'sandbox',
        'fault',
        kind,
        ...flag('name', name),
        ...flag('delay-ms', delayMs),
        ...(oneWay ? ['--one-way'] : []),
        ...flags,
      ])
    },
    async restartControlPlane() {
      await fairlead(['sandbox', 'restart', 'control-plane'])
    },
    async vmProxy(name) {
      const status = JSON.parse(await fairlead(['sandbox', 'status', '-o', 'json'])) as {
        vms?: { name: string; address: string }[]
      }
      const vm = status.vms?.find((one) => one.name === name)
      if (!vm) throw new Failure(`the sandbox has no VM ${name}`)
      return { host: vm.address, port: 15001 }
    },
    async close({ keep, failed }) {
      if (keep) return console.log(`kept: FAIRLEAD_HOME=${home} KUBECONFIG=${environment.KUBECONFIG}`)
      await fairlead(['sandbox', 'down'])
      if (failed) console.log(`logs, Envoy configurations and state: ${home}`)
      else rmSync(home, { recursive: true, force: true })
    },
  }
}
