// What a sandbox remembers over restarts, beside its clusters' objects: ports and addresses.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SandboxSpec } from './spec.ts'

export interface SandboxState {
  readonly spec: SandboxSpec
  /** By cluster name. */
  clusters: Record<string, { port?: number; slot?: number }>
  /** Ports of the control plane. */
  ports: Record<string, number>
  /** File of the user's that our contexts were added to. */
  kubeconfigFile?: string
}

const fileName = 'sandbox.json'

/** What was remembered; undefined for a new sandbox. */
export function readState(directory: string): SandboxState | undefined {
  let text: string
  try {
    text = readFileSync(join(directory, fileName), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return JSON.parse(text) as SandboxState
}

export function writeState(directory: string, state: SandboxState): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const draft = join(directory, `${fileName}.${process.pid}`)
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(draft, join(directory, fileName))
}
