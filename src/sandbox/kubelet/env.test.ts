import { describe, expect, test } from 'vitest'
import { AddressPool, realPorts } from './addresses.ts'
import { type ConfigData, ConfigError, environmentOf, expand, quantity } from './env.ts'
import { rewritePaths } from './mounts.ts'
import type { Container, Pod } from './types.ts'

const facts = { podIP: '127.16.1.2', hostIP: '127.16.0.1', cpus: 2, memoryBytes: 4 * 2 ** 30 }
const data: ConfigData = {
  configMap: (name) => (name === 'settings' ? { COLOR: 'red', SIZE: 'big' } : undefined),
  secret: (name) => (name === 'keys' ? { password: 'x' } : undefined),
}

function variables(container: Partial<Container>): Record<string, string> {
  const whole: Container = { name: 'main', ...container }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a-1', namespace: 'shop', uid: 'u', labels: { app: 'a' } },
    spec: { containers: [whole], nodeName: 'node-1' },
  }
  return Object.fromEntries(environmentOf(pod, whole, facts, data))
}

describe('variables', () => {
  test('refer to earlier ones, and keep what is not known', () => {
    const env = [
      { name: 'A', value: 'x' },
      { name: 'B', value: '$(A)-$(LATER)-$$(A)' },
      { name: 'LATER', value: 'y' },
    ]
    expect(variables({ env })).toEqual({ A: 'x', B: 'x-$(LATER)-$(A)', LATER: 'y' })
  })
  test('come from the pod itself', () => {
    const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } })
    const env = [
      field('NAME', 'metadata.name'),
      field('APP', "metadata.labels['app']"),
      field('IP', 'status.podIP'),
      field('ACCOUNT', 'spec.serviceAccountName'),
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
    ] as NonNullable<Container['env']>
    expect(variables({ env, resources: { limits: { memory: '64Mi' } } })).toEqual({
      NAME: 'a-1',
      APP: 'a',
      IP: '127.16.1.2',
      ACCOUNT: 'default',
      CPU: '2',
      MEM: '64',
    })
  })
  test('come from ConfigMaps and Secrets', () => {
    const env = [
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 'gone', key: 'a', optional: true } } },
    ]
    const envFrom = [{ prefix: 'P_', configMapRef: { name: 'settings' } }]
    expect(variables({ env, envFrom })).toEqual({ P_COLOR: 'red', P_SIZE: 'big', PASSWORD: 'x' })
  })
  test.each([
    [{ envFrom: [{ configMapRef: { name: 'gone' } }] }, 'configmap "gone" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }] },
      "couldn't find key k in configmap shop/settings",
    ],
  ])('that are not there make the container wait', (container, message) => {
    expect(() => variables(container)).toThrow(ConfigError)
    expect(() => variables(container)).toThrow(message)
  })
  test('are put into arguments', () => {
    expect(expand('--name=$(A)', new Map([['A', 'b']]))).toBe('--name=b')
  })
})

test('quantities', () => {
  expect([quantity('250m'), quantity('64Mi'), quantity(2), quantity('1e3')]).toEqual([0.25, 64 * 2 ** 20, 2, 1000])
  expect(quantity('many')).toBeNaN()
})

test('paths below mounts are rewritten, others are not', () => {
  const mounts = new Map([
    ['/etc/app', '/pod/v/app'],
    ['/etc/app/tls', '/pod/v/tls'],
    ['/tmp', '/pod/v/tmp'],
    ['/', '/pod/v/all'],
  ])
  const rewrite = (text: string): string => rewritePaths(text, mounts)
  expect(rewrite('/etc/app/tls/key')).toBe('/pod/v/tls/key')
  expect(rewrite('cat /etc/app/a /etc/application /var/tmp > /tmp/x; --dir=/tmp')).toBe(
    'cat /pod/v/app/a /etc/application /var/tmp > /pod/v/tmp/x; --dir=/pod/v/tmp',
  )
})

describe('addresses', () => {
  const ranges = { pods: '127.16.0.0/16', programs: '127.80.0.0/16' }
  test('are given once, and again to who had them', () => {
    const pool = new AddressPool(ranges)
    const [first, second] = [pool.take(), pool.take()]
    expect([first, second]).toEqual(['127.16.1.1', '127.16.1.2'])
    expect(pool.take(first)).toBe('127.16.1.3')
    pool.release(first)
    expect(pool.take()).toBe('127.16.1.4')
    expect(pool.take(first)).toBe(first)
    expect(pool.take('127.99.1.1')).toBe('127.16.1.5')
    expect(pool.programAddress(second)).toBe('127.80.1.2')
  })
  test('never reach those of load balancers, and run out with an error', () => {
    const pool = new AddressPool(ranges)
    let last = ''
    for (let i = 0; i < 239 * 254; i++) last = pool.take()
    expect(last).toBe('127.16.239.254')
    expect(() => pool.take()).toThrow('in use')
    expect(() => new AddressPool({ ...ranges, pods: '10.0.0.0/8' })).toThrow('127.16.0.0/16')
  })
  test('low ports move up where they are reserved', () => {
    expect([...realPorts([80, 9080], 'free').values()]).toEqual([80, 9080])
    expect([...realPorts([80, 10_080], 'reserved').values()]).toEqual([20_080, 10_080])
  })
})
