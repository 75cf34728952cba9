// The certificate agent of Gloo Mesh: ours, with the account of the pod.
import { spawn } from 'node:child_process'
import { mounted } from './mounts.ts'
import { onEnd } from './serve.ts'

export function start(): void {
  const account = mounted('/var/run/secrets/kubernetes.io/serviceaccount')
  const command = process.env['FAIRLEAD_COMMAND'] ?? 'fairlead'
  const agent = spawn(process.execPath, [command, 'cert-agent', '--service-account', account], { stdio: 'inherit' })
  agent.on('exit', (code) => process.exit(code ?? 1))
  onEnd(() => agent.kill())
}
