import { expect, it } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import { proxySettings } from './index.ts'

const config = (name: string, namespace: string, spec: object): KubeObject => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ProxyConfig',
  metadata: { name, namespace },
  spec,
})

it('takes what a proxy is started with from the most special object that says it', () => {
  const objects = [
    config('mesh', 'istio-system', { concurrency: 1, environmentVariables: { A: '1' } }),
    config('b', 'shop', { environmentVariables: { B: '1' } }),
    config('a', 'shop', { selector: { matchLabels: { app: 'cart' } }, concurrency: 4 }),
  ]
  const of = (namespace: string, app: string): unknown =>
    proxySettings(objects, 'istio-system', { namespace, labels: { app } })
  expect(of('shop', 'cart')).toEqual({ concurrency: 4, environment: { B: '1' } })
  expect(of('shop', 'front')).toEqual({ concurrency: 1, environment: { B: '1' } })
  expect(of('other', 'cart')).toEqual({ concurrency: 1, environment: { A: '1' } })
  expect(proxySettings([], 'istio-system', { namespace: 'x', labels: {} })).toEqual({
    concurrency: undefined,
    environment: {},
  })
})
