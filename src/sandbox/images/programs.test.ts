import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Answer, sendMany } from '../traffic/index.ts'
import { findImage, launchOf } from './launch.ts'
import { preparePrograms } from './prepare.ts'

const children: ChildProcess[] = []
const folder = mkdtempSync(join(tmpdir(), 'fairlead-programs-'))
const programs = preparePrograms(folder)
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  for (const child of children) child.kill('SIGKILL')
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

interface Running {
  readonly port: number
  readonly child: ChildProcess
}

/** Starts a program on a free port, and returns when it listens. */
async function run(reference: string, env: Record<string, string> = {}, args: string[] = []): Promise<Running> {
  const image = findImage(reference)
  if (!image) throw new Error(`${reference} is not known`)
  const port = await freePort()
  const launch = launchOf(image, reference, { command: [], args, env, declaredPorts: [port], programs })
  const [file = '', ...rest] = launch.argv
  const child = spawn(file, rest, {
    env: {
      ...launch.env,
      FAIRLEAD_PORTS: String(port),
      FAIRLEAD_SERVED_BY: 'east/shop/pod-1',
      HOSTNAME: 'pod-1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  children.push(child)
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => text.includes('listening') && resolve())
    child.on('exit', (code) => reject(new Error(`${reference} ended with ${code}`)))
  })
  return { port, child }
}

async function get(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const [answer] = await sendMany([{ url: `http://127.0.0.1:${port}${path}`, headers }], { count: 1, parallel: 1 })
  if (!answer) throw new Error('no answer')
  return answer
}

test('bookinfo: the page shows details, and reviews with the stars of ratings', async () => {
  const details = await run('examples-bookinfo-details-v1')
  const ratings = await run('examples-bookinfo-ratings-v1')
  const at = ({ port }: Running, name: string): Record<string, string> => ({
    [`${name}_HOSTNAME`]: '127.0.0.1',
    [`${name}_SERVICE_PORT`]: String(port),
  })
  const reviews = await run('examples-bookinfo-reviews-v3', at(ratings, 'RATINGS'))
  const page = await run('examples-bookinfo-productpage-v1', { ...at(details, 'DETAILS'), ...at(reviews, 'REVIEWS') })

  const json = JSON.parse((await get(reviews.port, '/reviews/0')).body) as { reviews: object[] }
  expect(json).toMatchObject({ id: '0', podname: 'pod-1', clustername: 'east' })
  expect(json.reviews.at(1)).toMatchObject({ reviewer: 'Reviewer2', rating: { stars: 4, color: 'red' } })

  const { status, body, headers } = await get(page.port, '/productpage?u=normal')
  expect(status).toBe(200)
  expect(headers['x-served-by']).toBe('east/shop/pod-1')
  const lines = body.split('\n').map((line) => line.trim())
  const heading = lines.indexOf('<h4 class="text-center text-primary">Book Details</h4>')
  expect(lines.slice(heading, heading + 9)).toContain('<dt>ISBN-13:</dt>123-1234567890')
  expect(body).toContain('<font color="red">')
  expect(body.match(/glyphicon-star"/g)).toHaveLength(9)

  ratings.child.kill('SIGKILL')
  reviews.child.kill('SIGKILL')
  details.child.kill('SIGKILL')
  await Promise.all([reviews, details].map(({ child }) => new Promise((done) => child.once('exit', done))))
  const broken = await get(page.port, '/productpage')
  expect(broken.status).toBe(200)
  expect(broken.body).toContain('<h4 class="text-center text-primary">Error fetching product details!</h4>')
  expect(broken.body).toContain('<h4 class="text-center text-primary">Error fetching product reviews!</h4>')
})

test('reviews v1 shows no ratings', async () => {
  const { port } = await run('examples-bookinfo-reviews-v1')
  expect((await get(port, '/reviews/0')).body).not.toContain('rating')
})

test('calls go through http_proxy in absolute form', async () => {
  const targets: string[] = []
  const proxy = createServer((socket) => {
    socket.once('data', (text: Buffer) => {
      targets.push(text.toString().split('\r\n')[0] ?? '')
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{"ratings":{"Reviewer1":1   }}')
    })
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const { port } = await run('examples-bookinfo-reviews-v2', { http_proxy: url, NODE_USE_ENV_PROXY: '1' })
  const { body } = await get(port, '/reviews/0')
  proxy.close()
  expect(targets).toEqual(['GET http://ratings:9080/ratings/0 HTTP/1.1'])
  expect(body).toContain('"stars":1,"color":"black"')
})

test('faults concern every request but probes', async () => {
  const { port, child } = await run('hello-world')
  expect((await get(port, '/')).body).toBe('Hello version: v1, instance: pod-1\n')
  child.send({ fault: { status: 503 } })
  await expect.poll(async () => (await get(port, '/')).status).toBe(503)
  expect((await get(port, '/', { 'user-agent': 'kube-probe/1.34' })).status).toBe(200)
  child.send({ fault: {} })
  await expect.poll(async () => (await get(port, '/')).status).toBe(200)
})

test('a program ends with its launcher', async () => {
  const { child } = await run('hello-app')
  const ended = new Promise((done) => child.once('exit', done))
  child.disconnect()
  expect(await ended).toBe(0)
})

test('SIGTERM ends a program that has idle connections, and lets a request finish', async () => {
  const { port, child } = await run('kennethreitz/httpbin')
  const idle = connect(port, '127.0.0.1')
  idle.write('GET /get HTTP/1.1\r\nhost: a\r\n\r\n')
  await new Promise((done) => idle.once('data', done))
  const slow = connect(port, '127.0.0.1')
  let said = ''
  slow.on('data', (bytes) => (said += String(bytes)))
  slow.write('GET /delay/0.5 HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n')
  await expect.poll(() => said).toContain('100 Continue')
  const ended = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await expect.poll(() => said, { timeout: 5000 }).toContain('200 OK')
  expect(await ended).toBe(0)
})

test('httpbin answers as the original', async () => {
  const { port } = await run('kennethreitz/httpbin')
  expect((await get(port, '/status/418')).status).toBe(418)
  expect((await get(port, '/status/503')).status).toBe(503)
  expect(JSON.parse((await get(port, '/headers', { 'x-a': '1' })).body)).toMatchObject({ headers: { 'X-A': '1' } })
  expect(JSON.parse((await get(port, '/get?a=1&a=2&b=3')).body)).toMatchObject({ args: { a: ['1', '2'], b: '3' } })
  expect((await get(port, '/nothing')).status).toBe(404)
  const lists = await run('mccutchen/go-httpbin')
  expect(JSON.parse((await get(lists.port, '/get?b=3')).body)).toMatchObject({ args: { b: ['3'] } })
})

test('echo-basic says what the Gateway API’s tests read', async () => {
  const { port } = await run('echo-basic', { POD_NAME: 'p', NAMESPACE: 'n' })
  expect(JSON.parse((await get(port, '/a?b', { 'x-b': 'c' })).body)).toMatchObject({
    path: '/a?b',
    method: 'GET',
    proto: 'HTTP/1.1',
    headers: { 'X-B': ['c'] },
    namespace: 'n',
    pod: 'p',
  })
})

test('HTTP/2 with prior knowledge is understood', async () => {
  const { port } = await run('echo-basic')
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const stream = session.request({ ':path': '/h2' })
  let body = ''
  for await (const chunk of stream) body += String(chunk)
  session.close()
  expect(JSON.parse(body)).toMatchObject({ path: '/h2', proto: 'HTTP/2.0' })
})

test('the colour sample answers in its colour', async () => {
  const { port } = await run('ghcr.io/someone/blue-green-canary', {
    BLUE_GREEN_CANARY_COLOR: 'green',
    MY_POD: 'green-1',
  })
  expect(JSON.parse((await get(port, '/api')).body)).toMatchObject({ color: 'green', pod: 'green-1', count: 0 })
  expect((await get(port, '/', { accept: 'text/html' })).body).toContain('<title>Blue Green Canary</title>')
})

test('tcp-echo repeats lines', async () => {
  const { port } = await run('tcp-echo-server', {}, ['1', 'one'])
  const socket = connect(port, '127.0.0.1')
  socket.write('world\n')
  const reply = await new Promise<Buffer>((done) => socket.once('data', done))
  socket.destroy()
  expect(reply.toString()).toBe('one world\n')
})

test('programs are prepared once for each version', () => {
  expect(preparePrograms(folder)).toBe(programs)
})
