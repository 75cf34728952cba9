// Watches the program of a machine with the probe of its WorkloadGroup.
import { execFile } from 'node:child_process'
import type { ReadinessProbe } from '../../resources/istio/index.ts'
import { type Probe, type ProbeTarget, runProbe } from '../kubelet/index.ts'

export interface HealthOptions {
  readonly probe: ReadinessProbe
  /** Where the program listens for a port of the machine. */
  readonly endpoint: (port: number) => { host: string; port: number }
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Told each verdict: undefined is well. */
  readonly verdict: (problem: string | undefined) => void
}

/** Probes until the signal; the settings mean what they mean for pods. */
export function watchHealth({ probe, endpoint, cwd, env, signal, verdict }: HealthOptions): Promise<void> {
  const target: ProbeTarget = {
    endpoint: (port) => endpoint(Number(port)),
    exec: ([command = '', ...args], timeout) =>
      new Promise((resolve) => {
        execFile(command, args, { cwd, env: { ...env }, timeout }, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
          resolve({ code, output: `${stdout}${stderr}` || (error?.message ?? '') })
        })
      }),
  }
  return runProbe({
    probe: withoutZeros(probe),
    target,
    eager: true,
    signal,
    onVerdict: (ok, message) => verdict(ok ? undefined : message),
    onFailure: () => undefined,
  })
}

/** In Istio's form of a probe 0 means: the default. */
function withoutZeros(probe: ReadinessProbe): Probe {
  return Object.fromEntries(Object.entries(probe).filter(([, value]) => value !== 0)) as Probe
}
