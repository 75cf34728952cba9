import { describe, expect, test } from 'vitest'
import { scopeOf } from '../../../mesh/index.ts'
import { proxyOf, worldOf } from '../test-world.ts'
import { credential } from './credentials.ts'
import { wantedSecrets } from './wanted-secrets.ts'

const base64 = (text: string): string => btoa(text)
const secret = (name: string, data: Record<string, string>): string =>
  `---\n${JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'edge' }, data })}\n`

const text =
  secret('cert', { 'tls.crt': base64('C'), 'tls.key': base64('K'), 'ca.crt': base64('A'), 'ca.crl': base64('R') }) +
  secret('own-cacert', { cacert: base64('B') }) +
  secret('half', { 'tls.crt': base64('C') }) +
  secret('broken', { 'tls.crt': 'no base64!', 'tls.key': base64('K') })

describe('a secret by its name on the wire', () => {
  const get = (name: string, namespace = 'edge') =>
    worldOf({ east: text }).get(credential, { cluster: 'east', namespace, name })
  const textOf = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array)

  test('is a certificate with its key', () => {
    const type = get('kubernetes://cert')?.resource.type
    expect(type?.case).toBe('tlsCertificate')
    expect(textOf(type?.case === 'tlsCertificate' && type.value.privateKey?.specifier.value)).toBe('K')
  })

  test('is an authority, of the same Secret or of one for it alone', () => {
    const authorityOf = (name: string) => {
      const type = get(name)?.resource.type
      return type?.case === 'validationContext' ? type.value : undefined
    }
    expect(textOf(authorityOf('kubernetes://cert-cacert')?.trustedCa?.specifier.value)).toBe('A')
    expect(textOf(authorityOf('kubernetes://cert-cacert')?.crl?.specifier.value)).toBe('R')
    expect(textOf(authorityOf('kubernetes://own-cacert')?.trustedCa?.specifier.value)).toBe('B')
  })

  test('is not there for proxies of other namespaces, nor if something is missing or no base64', () => {
    expect(get('kubernetes://cert', 'shop')).toBeUndefined()
    expect(get('kubernetes://edge/cert', 'shop')).toBeUndefined()
    expect(get('kubernetes://edge/cert')).toBeDefined()
    expect(get('kubernetes://half')).toBeUndefined()
    expect(get('kubernetes://broken')).toBeUndefined()
  })

  test('is paths, for files', () => {
    const type = get('file-cert:/etc/a.pem~/etc/b.pem')?.resource.type
    expect(type?.case === 'tlsCertificate' && type.value.privateKey?.specifier.value).toBe('/etc/b.pem')
  })
})

test('a proxy wants the secrets of its servers and of the rules for what it calls', () => {
  const world = worldOf({
    east: `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: edge}
spec:
  selector: {istio: edge}
  servers:
    - {port: {number: 443, name: a, protocol: HTTPS}, hosts: [a.example], tls: {mode: MUTUAL, credentialName: cert}}
    - {port: {number: 443, name: b, protocol: TLS}, hosts: [b.example], tls: {mode: PASSTHROUGH, credentialName: none}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: edge}
spec: {hosts: [out.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: edge}
spec: {host: out.example, trafficPolicy: {tls: {mode: SIMPLE, credentialName: out}}}
`,
  })
  const wanted = (type: string): string[] => {
    const proxy = proxyOf({ type, namespace: 'edge', labels: { istio: 'edge' } })
    return wantedSecrets(world, scopeOf(world, proxy), proxy)
  }
  expect(wanted('gateway')).toEqual([
    'kubernetes://cert',
    'kubernetes://cert-cacert',
    'kubernetes://out',
    'kubernetes://out-cacert',
  ])
  expect(wanted('sidecar')).toEqual([])
})
