// The door of the supervisor. What is heavy (API server, kubelet, Kubernetes client) is loaded when it is called, so that
// commands that only talk to a running sandbox start at once.
import type { ClusterAccess } from './kubeconfig.ts'
import type { SampleOptions } from './samples.ts'
import type { SandboxHandle, SandboxOptions } from './sandbox.ts'
import type { SandboxSpec } from './spec.ts'

export { OrderError, order } from './control-socket.ts'
export { homeDirectory, sandboxDirectory, sandboxNames } from './home.ts'
export type { ClusterAccess } from './kubeconfig.ts'
export { type Lock, readLock, SandboxBusy } from './lock.ts'
export { type OrderDesk, openOrderDesk, type StartProgress, stopSandbox } from './orders.ts'
export { type ProcessId, processId, untilGone } from './process-id.ts'
export { type ProgressEvent, StepFailed } from './progress.ts'
export { sampleNames } from './sample-names.ts'
export type { SampleOptions } from './samples.ts'
export type { SandboxHandle, SandboxOptions } from './sandbox.ts'
export { type SampleSpec, type SandboxSpec, SpecError } from './spec.ts'
export { readState } from './state.ts'
export type { ClusterStatus, MachineStatus, SandboxStatus } from './status.ts'

/** Starts a sandbox, or starts one again that was there before; resolves when it is ready for use. */
export async function startSandbox(options: SandboxOptions): Promise<SandboxHandle> {
  return (await import('./sandbox.ts')).startSandbox(options)
}

/** Installs a sample and waits until its pods are available. Throws `SpecError` if there is no such sample. */
export async function installSample(options: SampleOptions): Promise<void> {
  return (await import('./samples.ts')).installSample(options)
}

/** Reads `NAME=KUBECONFIG[#CONTEXT]`. Throws `SpecError`. */
export async function parseOn(text: string): Promise<{ name: string; access: ClusterAccess }> {
  return (await import('./foreign.ts')).parseOn(text)
}

/** Reads a sandbox file (YAML). Throws `SpecError` that names the file and the field. */
export async function readSpec(file: string): Promise<SandboxSpec> {
  return (await import('./spec-file.ts')).readSpec(file)
}
