import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { WorkloadGroup } from '../resources/istio/index.ts'
import { writeMachineFiles } from './configure.ts'
import { envFile, parseEnvFile } from './env-file.ts'
import { type MachineInput, machineFiles } from './files.ts'
import { readMachine } from './machine.ts'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-vm-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const group: WorkloadGroup = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadGroup',
  metadata: { name: 'shop', namespace: 'vms' },
  spec: {
    metadata: {
      labels: { app: 'shop' },
      annotations: { 'proxy.istio.io/config': 'proxyMetadata:\n  FROM_GROUP: "2"\n' },
    },
    template: { serviceAccount: 'shop-account', network: 'vm-net', ports: { http: 8080 } },
    probe: { httpGet: { port: 8080 } },
  },
}

const input = (more: Partial<MachineInput> = {}): MachineInput => ({
  group,
  meshConfig: 'trustDomain: example.org\ndefaultConfig: {proxyMetadata: {FROM_MESH: "1", FROM_GROUP: "1"}}\n',
  cluster: 'east',
  systemNamespace: 'istio-system',
  network: 'other-net',
  autoRegister: false,
  captureDns: false,
  roots: 'ROOTS',
  proof: { token: 'TOKEN' },
  ...more,
})

describe('files of a machine', () => {
  it('say what istioctl would say', () => {
    const files = machineFiles(input({ address: '10.10.10.10', controlPlaneIp: '10.10.10.11', captureDns: true }))
    expect(Object.keys(files).sort()).toEqual(['cluster.env', 'hosts', 'istio-token', 'mesh.yaml', 'root-cert.pem'])
    expect(files['hosts']).toBe('10.10.10.11 istiod.istio-system.svc\n')
    expect(parseEnvFile(files['cluster.env'] ?? '')).toMatchObject({
      CANONICAL_SERVICE: 'shop',
      CANONICAL_REVISION: 'latest',
      ISTIO_INBOUND_PORTS: '8080',
      ISTIO_LOCAL_EXCLUDE_PORTS: '22,15090,15021,15020',
      ISTIO_META_CLUSTER_ID: 'east',
      ISTIO_META_DNS_CAPTURE: 'true',
      ISTIO_META_NETWORK: 'vm-net',
      ISTIO_META_POD_PORTS: '[{"name":"http","containerPort":8080}]',
      ISTIO_NAMESPACE: 'vms',
      ISTIO_SERVICE: 'shop.vms',
      ISTIO_SVC_IP: '10.10.10.10',
      SERVICE_ACCOUNT: 'shop-account',
      TRUST_DOMAIN: 'example.org',
      FROM_MESH: '1',
      FROM_GROUP: '2',
    })
    expect(files['mesh.yaml']).toContain('discoveryAddress: istiod.istio-system.svc:15012')
    expect(files['mesh.yaml']).toContain('readinessProbe:')
  })

  it('describe the same machine when they are read', () => {
    const files = machineFiles(
      input({ address: '10.0.0.9', controlPlaneIp: '10.1.1.1', controlPlanePort: 31_012, autoRegister: true }),
    )
    writeMachineFiles(folder, files)
    expect(statSync(join(folder, 'istio-token')).mode & 0o077).toBe(0)
    expect(readMachine(folder)).toMatchObject({
      name: 'shop',
      namespace: 'vms',
      serviceAccount: 'shop-account',
      labels: { app: 'shop' },
      cluster: 'east',
      network: 'vm-net',
      address: '10.0.0.9',
      ports: [8080],
      controlPlane: '10.1.1.1:31012',
      autoRegisterGroup: 'shop',
      probe: { httpGet: { port: 8080 } },
    })
  })

  it('hold a certificate in place of the token', () => {
    writeMachineFiles(folder, machineFiles(input({ proof: { chain: 'CHAIN', key: 'KEY' } })))
    expect(() => statSync(join(folder, 'istio-token'))).toThrow('ENOENT')
    expect(statSync(join(folder, 'key.pem')).mode & 0o077).toBe(0)
    expect(readMachine(folder).ports).toEqual([8080])
  })

  it('are refused by name when they are broken', () => {
    writeMachineFiles(folder, machineFiles(input()))
    writeFileSync(join(folder, 'mesh.yaml'), 'defaultConfig: [')
    expect(() => readMachine(folder)).toThrow(/mesh\.yaml/)
    writeFileSync(join(folder, 'mesh.yaml'), 'defaultConfig: {}')
    expect(() => readMachine(folder)).toThrow(/discoveryAddress is not host:port/)
    rmSync(join(folder, 'istio-token'))
    expect(() => readMachine(folder)).toThrow(/neither istio-token nor cert-chain\.pem/)
  })
})

describe('env files', () => {
  it('keep any value', () => {
    const values = { QUOTE: `it's "so"`, JSON: '{"a":"b c"}', EMPTY: '' }
    expect(parseEnvFile(envFile(values))).toEqual(values)
  })

  it('are read as shells write them', () => {
    expect(parseEnvFile('export A="x \\"y\\""\nB=plain\n# C=1\nD=a\\ b\n')).toEqual({
      A: 'x "y"',
      B: 'plain',
      D: 'a b',
    })
  })
})
