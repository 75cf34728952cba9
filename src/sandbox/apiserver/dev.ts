// Runs one API server alone, for work on it; with --controllers, the sandbox's controllers too:
//   node src/sandbox/apiserver/dev.ts [--controllers] DIR [PORT]
// writes DIR/kubeconfig (context "east") and stays up until it is interrupted.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runControllers } from '../controllers/index.ts'
import { startApiServer } from './index.ts'

const withControllers = process.argv.includes('--controllers')
const [dataDir, port] = process.argv.slice(2).filter((a) => !a.startsWith('--'))
if (!dataDir) {
  console.error('usage: dev.ts [--controllers] DIR [PORT]')
  process.exit(2)
}
const server = await startApiServer({ dataDir, port: Number(port ?? 0) })
const { token } = await server.issueCredential('dev', ['system:masters'])
const kubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'east',
  clusters: [
    {
      name: 'east',
      cluster: { server: server.url, 'certificate-authority-data': Buffer.from(server.caPem).toString('base64') },
    },
  ],
  users: [{ name: 'dev', user: { token } }],
  contexts: [{ name: 'east', context: { cluster: 'east', user: 'dev' } }],
}
const file = join(dataDir, 'kubeconfig')
writeFileSync(file, JSON.stringify(kubeconfig))
const controllers = withControllers
  ? await runControllers({ cluster: 'east', kubeconfig: file, log: (line) => console.error(line) })
  : undefined
console.log(`${server.url}  KUBECONFIG=${file}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop())
}

async function stop(): Promise<void> {
  await controllers?.close()
  await server.close()
  process.exit(0)
}
