import { describe, expect, test } from 'vitest'
import { parseImageName } from './image-name.ts'
import { findImage, knownImages, type Launch, launchOf } from './launch.ts'

function launch(reference: string, request: Partial<Parameters<typeof launchOf>[2]> = {}): Launch {
  const image = findImage(reference)
  if (!image) throw new Error(`${reference} is not known`)
  return launchOf(image, reference, { command: [], args: [], env: {}, declaredPorts: [], ...request })
}

describe('names', () => {
  test('are taken apart', () => {
    expect(parseImageName('localhost:5000/a/b:1@sha256:00')).toEqual({ repository: 'a/b', tag: '1' })
    expect(parseImageName('busybox')).toEqual({ repository: 'busybox', tag: '' })
    expect(parseImageName('curlimages/curl')).toEqual({ repository: 'curlimages/curl', tag: '' })
  })
  test.each([
    ['docker.io/istio/examples-bookinfo-reviews-v3:1.20.3', 'examples-bookinfo-reviews-v3'],
    ['examples-bookinfo-reviews-v1:1.17.0', 'examples-bookinfo-reviews-v1'],
    ['us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0', 'hello-app'],
    ['curlimages/curl', 'curlimages/curl'],
    ['gcr.io/istio-release/proxyv2:1.20.3', 'proxyv2'],
    ['registry.k8s.io/gateway-api/conformance/echo-basic:v0.1.0', 'echo-basic'],
    ['docker.io/mccutchen/go-httpbin:v2.15.0', 'go-httpbin'],
    ['kennethreitz/httpbin', 'httpbin'],
    ['localhost:5000/busybox:1.28', 'busybox'],
  ])('%s is %s', (reference, name) => expect(findImage(reference)?.name).toBe(name))
  test.each(['shop/orders:1.4', 'myhello-app', 'istio/proxyv2-debug', ''])('%s is not known', (reference) => {
    expect(findImage(reference)).toBeUndefined()
  })
  test('are listed once each', () => {
    const names = knownImages()
    expect(new Set(names).size).toBe(names.length)
    expect(names).toContain('examples-bookinfo-productpage-v1')
  })
})

describe('what is run', () => {
  const reviews = 'istio/examples-bookinfo-reviews-v3:1.20.3'
  test('a built-in program with the image’s variables and ports', () => {
    const { kind, argv, env, ports } = launch(reviews)
    expect(kind).toBe('program')
    expect(argv.slice(2)).toEqual(['reviews'])
    expect(env).toEqual({ SERVICE_VERSION: 'v3', ENABLE_RATINGS: 'true', STAR_COLOR: 'red' })
    expect(ports).toEqual([9080])
  })
  test('declared ports win over the image’s', () => {
    expect(launch('hello-world', { declaredPorts: [80] }).ports).toEqual([80])
  })
  test('a command replaces everything', () => {
    const { kind, argv } = launch(reviews, { command: ['sleep', '20h'] })
    expect({ kind, argv }).toEqual({ kind: 'host', argv: ['sleep', '20h'] })
  })
  test('a command that calls the original’s program runs the built-in', () => {
    const { kind, ports } = launch('kennethreitz/httpbin', {
      command: ['gunicorn', '-b', '0.0.0.0:8000', 'httpbin:app'],
    })
    expect({ kind, ports }).toEqual({ kind: 'program', ports: [8000] })
  })
  test('arguments follow the image’s own entry point', () => {
    expect(launch('curlimages/curl:8', { args: ['http://a/'] }).argv).toEqual(['curl', 'http://a/'])
    expect(launch('busybox', { args: ['/bin/sh', '-c', 'true'] }).argv).toEqual(['/bin/sh', '-c', 'true'])
    const tcp = launch('istio/tcp-echo-server:1.3', { args: ['9000,9002', 'hi'], declaredPorts: [9000, 9001] })
    expect(tcp.argv.slice(2)).toEqual(['tcp-echo', '9000,9002', 'hi'])
    expect(tcp.ports).toEqual([9000, 9001, 9002])
  })
  test('variables of the pod tell the port', () => {
    expect(launch('echo-basic', { env: { HTTP_PORT: '3001' } }).ports).toEqual([3001])
    expect(launch('hashicorp/http-echo', { args: ['-listen=:5000', '-text=a'] }).ports).toEqual([5000])
  })
  test('the version of hello-app is its tag', () => {
    expect(launch('google-samples/hello-app:2.0').env).toEqual({ SERVICE_VERSION: '2.0.0' })
  })
  test('a gateway gets its arguments', () => {
    expect(launch('istio/proxyv2:1', { args: ['proxy', 'router'], declaredPorts: [15443] })).toMatchObject({
      kind: 'proxy',
      argv: ['proxy', 'router'],
      ports: [15443],
    })
  })
})
