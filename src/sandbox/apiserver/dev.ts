// Runs one API server alone, for work on it:
//   node src/sandbox/apiserver/dev.ts DIR [PORT]
// writes DIR/kubeconfig (context "east") and stays up until it is interrupted.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startApiServer } from './index.ts'

const [dataDir, port] = process.argv.slice(2)
if (!dataDir) {
  console.error('usage: dev.ts DIR [PORT]')
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
console.log(`${server.url}  KUBECONFIG=${file}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)))
}
