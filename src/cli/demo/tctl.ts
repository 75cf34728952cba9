import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { GuideRun } from './guide.ts'

const program = join(import.meta.dirname, '../../../bin/tctl.mjs')

/** `tctl` refused; the message is its own. */
export class TctlFailed extends Error {}

/** Runs `tctl` against the management cluster of the demo, whatever else the user has configured or started. */
export function tctl(run: GuideRun, context: string, args: readonly string[]): Promise<string> {
  const config = run.writeFile(
    'tctl.yaml',
    stringify({
      currentProfile: 'demo',
      clusters: [{ name: 'demo', kubeconfig: run.kubeconfig, context }],
      users: [],
      profiles: [{ name: 'demo', cluster: 'demo' }],
    }),
  )
  return new Promise((resolve, reject) => {
    const options = { signal: run.signal, timeout: 60_000 }
    execFile(process.execPath, [program, '--config', config, ...args], options, (error, stdout, stderr) => {
      if (error) reject(new TctlFailed(`tctl ${args.join(' ')}: ${stderr.trim() || error.message}`))
      else resolve(stdout)
    })
  })
}
