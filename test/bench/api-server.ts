// An embedded API server by itself, without controllers: what a control plane is measured against.
// Run: node test/bench/api-server.ts FOLDER [PORT] → writes FOLDER/kubeconfig (context `bench`), serves until a signal.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { startApiServer } from '../../src/sandbox/apiserver/index.ts'

const [folder, port] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: api-server.ts FOLDER [PORT]')

const server = await startApiServer({ dataDir: folder, port: Number(port ?? 0) })
const credential = await server.issueCredential('bench', ['system:masters'])
const base64 = (text: string): string => Buffer.from(text).toString('base64')
writeFileSync(
  join(folder, 'kubeconfig'),
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster: { server: server.url, 'certificate-authority-data': base64(server.caPem) } }],
    users: [
      {
        name: 'bench',
        user: {
          'client-certificate-data': base64(credential.clientCertificatePem),
          'client-key-data': base64(credential.clientKeyPem),
          token: credential.token,
        },
      },
    ],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  }),
)
console.log(`ready ${server.url}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)))
}
