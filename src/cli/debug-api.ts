// How commands reach a running control plane: its debug pages over HTTP.
import { Option } from 'commander'
import { OrderError, order, readLock, type SandboxStatus, sandboxDirectory } from '../sandbox/index.ts'
import { runningSandbox } from './sandbox-common.ts'

export interface DebugApiOptions {
  readonly http?: string
  /** A sandbox, whose control plane is meant. */
  readonly name: string
}

/** The flags by which a command finds a control plane. */
export function debugApiOptions(): readonly [Option, Option] {
  const http = 'debug address of the control plane (serve --http); without: the sandbox, else 127.0.0.1:15014'
  return [new Option('--http <address:port>', http), runningSandbox()]
}

/** The control plane cannot be reached, or says no. */
export class DebugApiError extends Error {
  override readonly name = 'DebugApiError'
}

async function addressOf({ http, name }: DebugApiOptions): Promise<string> {
  if (http !== undefined) return http
  const lock = readLock(sandboxDirectory(name))
  if (!lock) return '127.0.0.1:15014'
  try {
    const { controlPlane } = await order<SandboxStatus>(lock.socket, 'status')
    if (controlPlane) return controlPlane.http
  } catch (error) {
    if (!(error instanceof OrderError)) throw error
  }
  throw new DebugApiError(`sandbox ${name} has no control plane running`)
}

/** Gets one page; undefined if there is none of that name. Rejects with DebugApiError. */
export function getDebug<T>(options: DebugApiOptions, path: string): Promise<T | undefined> {
  return ask(options, path, 'GET')
}

/** Orders something; undefined if there is nothing of that name. Rejects with DebugApiError, which says why it was refused. */
export function postDebug<T>(options: DebugApiOptions, path: string): Promise<T | undefined> {
  return ask(options, path, 'POST')
}

async function ask<T>(options: DebugApiOptions, path: string, method: 'GET' | 'POST'): Promise<T | undefined> {
  const address = await addressOf(options)
  let response: Response
  try {
    response = await fetch(`http://${address}${path}`, { method, signal: AbortSignal.timeout(30_000) })
  } catch (cause) {
    throw new DebugApiError(`no control plane answers at ${address}; is it running? (fairlead serve, or sandbox up)`, {
      cause,
    })
  }
  if (response.status === 404) return undefined
  if (response.status === 409) throw new DebugApiError(((await response.json()) as { error: string }).error)
  if (!response.ok) throw new DebugApiError(`the control plane at ${address} answers ${response.status} to ${path}`)
  return (await response.json()) as T
}

/** Runs a command that asks a control plane; failures are exit code 1, without a stack trace. */
export async function asking(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof DebugApiError)) throw error
    console.error(`fairlead: ${error.message}`)
    process.exitCode = 1
  }
}

/** Rows as aligned columns. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}
