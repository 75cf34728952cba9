import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { ServerCertificate } from './server-certificate.ts'
import { day, isTrusted, setUp } from './testing.ts'

it('shows a server certificate whose root stays the same over restarts', async () => {
  const { store, timers } = setUp()
  const secret = { cluster: '', namespace: 'istio-system', name: 'fairlead-server' }
  const open = () =>
    ServerCertificate.open({ store, secret, timers, dnsNames: ['istiod.istio-system.svc'], addresses: ['127.0.0.1'] })
  const first = await open()
  const second = await open()
  expect(second.root).toBe(first.root)
  const leaf = new X509Certificate(first.pem().chain)
  expect(leaf.checkHost('istiod.istio-system.svc')).toBe('istiod.istio-system.svc')
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(isTrusted([first.pem().chain], [first.root])).toBe(true)
  const before = first.pem().chain
  timers.advance(16 * day)
  await expect.poll(() => first.pem().chain).not.toBe(before)
  first.close()
  second.close()
})
