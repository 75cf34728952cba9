// The process kubelet against the embedded API server, with real processes, as kubectl sees it.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendMany } from '../traffic/index.ts'
import { startTestCluster, type TestCluster } from './testing/cluster.ts'

let folder = ''
let cluster: TestCluster
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-kubelet-'))
  cluster = await startTestCluster(folder)
})
afterAll(async () => {
  await cluster?.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function kubectl(args: readonly string[], input = '', kubeconfig = cluster.kubeconfig): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile('kubectl', ['--kubeconfig', kubeconfig, ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

async function apply(...objects: object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const { code, stderr } = await kubectl(['apply', '--validate=false', '-f', '-'], input)
  expect(stderr).toBe('')
  expect(code).toBe(0)
}

function pod(name: string, container: object, spec: object = {}): object {
  const containers = [{ name: 'main', image: 'busybox', ...container }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: { containers, ...spec } }
}

const shell = (script: string): object => ({ command: ['sh', '-c', script] })

async function field(name: string, jsonpath: string): Promise<string> {
  return (await kubectl(['get', 'pod', name, '-o', `jsonpath=${jsonpath}`])).stdout
}

async function until(name: string, jsonpath: string, value: string, timeout = 15_000): Promise<void> {
  await expect.poll(() => field(name, jsonpath), { timeout, interval: 100 }).toBe(value)
}

const ready = '{.status.conditions[?(@.type=="Ready")].status}'
const phase = '{.status.phase}'
const first = '{.status.containerStatuses[0]'

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended, though its id is still taken.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function get(address: string, port: number, path = '/'): Promise<{ status: number; body: string }> {
  const [answer] = await sendMany([{ url: `http://${address}:${port}${path}` }], { count: 1, parallel: 1 })
  return answer ?? { status: 0, body: '' }
}

describe('a pod', () => {
  test('is a set of processes with an address of its own', async () => {
    await apply(
      pod('one', { image: 'istio/examples-helloworld-v1', ports: [{ containerPort: 5000 }] }),
      pod('two', { image: 'istio/examples-helloworld-v2', ports: [{ containerPort: 5000 }] }),
    )
    await until('one', ready, 'True')
    await until('two', ready, 'True')
    const [one, two] = [await field('one', '{.status.podIP}'), await field('two', '{.status.podIP}')]
    expect((await get(one, 5000, '/hello')).body).toBe('Hello version: v1, instance: one\n')
    expect((await get(two, 5000, '/hello')).body).toBe('Hello version: v2, instance: two\n')
    expect((await kubectl(['logs', 'one'])).stdout).toContain('GET /hello 200')
    expect(cluster.kubelet.victims('default').map((victim) => victim.name)).toContain('east/default/one')
  })

  test('runs the command that it is given, with its variables, files and token', async () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { color: 'red' } }
    const container = {
      ...shell(
        'echo "$COLOR $NAME $1"; cat /etc/settings/color; echo; test -s /var/run/secrets/x/token && echo token; sleep 60',
      ),
      args: ['-', '$(COLOR)'],
      env: [
        { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      volumeMounts: [
        { name: 'settings', mountPath: '/etc/settings' },
        { name: 'token', mountPath: '/var/run/secrets/x' },
      ],
    }
    const volumes = [
      { name: 'settings', configMap: { name: 'settings' } },
      { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'somebody' } }] } },
    ]
    await apply(pod('waits', container, { volumes, terminationGracePeriodSeconds: 0, serviceAccountName: 'default' }))
    await until('waits', `${first}.state.waiting.reason}`, 'ContainerCreating')
    await apply(configMap)
    await until('waits', phase, 'Running')
    await expect.poll(async () => (await kubectl(['logs', 'waits'])).stdout).toBe('red waits red\nred\ntoken\n')
  })

  test('whose image is not known says which are', async () => {
    await apply(pod('strange', { image: 'shop/orders:1.4' }))
    await until('strange', `${first}.state.waiting.reason}`, 'ImagePullBackOff')
    const events = async (): Promise<string> => (await kubectl(['events', '--for', 'pod/strange'])).stdout
    await expect.poll(events).toContain('it knows alpine, bash, blue-green-canary')
    await kubectl(['set', 'image', 'pod/strange', 'main=istio/examples-helloworld-v1'])
    await until('strange', ready, 'True')
  })

  test('whose command is not there crashes, and is started again with more and more patience', async () => {
    await apply(pod('missing', { command: ['no-such-program'] }), pod('crash', shell('echo try; exit 3')))
    await until('crash', `${first}.state.waiting.reason}`, 'CrashLoopBackOff')
    expect(await field('crash', `${first}.lastState.terminated.exitCode}`)).toBe('3')
    expect(await field('crash', `${first}.state.waiting.message}`)).toMatch(
      /^back-off 10s restarting failed container=main/,
    )
    expect((await kubectl(['logs', 'crash', '--previous'])).stdout).toBe('try\n')
    await until('missing', `${first}.lastState.terminated.reason}`, 'StartError')
    expect(await field('missing', `${first}.lastState.terminated.message}`)).toContain(
      'executable file not found in $PATH',
    )
  })

  test('runs init containers first, and ends by its restart policy', async () => {
    const initContainers = [
      {
        name: 'before',
        image: 'busybox',
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        ...shell('echo made > /data/file'),
      },
    ]
    const spec = { initContainers, volumes: [{ name: 'data', emptyDir: {} }], restartPolicy: 'Never' }
    const volumeMounts = [{ name: 'data', mountPath: '/data' }]
    await apply(
      pod('works', { volumeMounts, ...shell('cat /data/file') }, spec),
      pod('fails', { volumeMounts, ...shell('exit 1') }, { ...spec }),
    )
    await until('works', phase, 'Succeeded')
    await until('fails', phase, 'Failed')
    expect((await kubectl(['logs', 'works'])).stdout).toBe('made\n')
  })

  test('is ready, and lives, by its probes', async () => {
    const volumeMounts = [{ name: 'data', mountPath: '/data' }]
    const probe = (file: string): object => ({ exec: { command: ['test', '-e', `/data/${file}`] }, periodSeconds: 1 })
    const container = {
      ...shell('touch /data/alive; sleep 600'),
      volumeMounts,
      readinessProbe: probe('ready'),
      livenessProbe: { ...probe('alive'), failureThreshold: 1, initialDelaySeconds: 1 },
    }
    await apply(
      pod('probed', container, { volumes: [{ name: 'data', emptyDir: {} }], terminationGracePeriodSeconds: 1 }),
    )
    await until('probed', phase, 'Running')
    expect(await field('probed', ready)).toBe('False')
    await kubectl(['exec', 'probed', '--', 'touch', '/data/ready'])
    await until('probed', ready, 'True')
    await kubectl(['exec', 'probed', '--', 'rm', '/data/alive'])
    await until('probed', `${first}.restartCount}`, '1')
    await until('probed', ready, 'True')
  })

  test('is given time to end, and takes everything that it started along', async () => {
    const script = 'trap "sleep 1; echo bye; exit 0" TERM; sleep 600 & echo $!; wait'
    const lifecycle = { preStop: { exec: { command: ['sh', '-c', 'echo hook > /data/hook'] } } }
    const container = { ...shell(script), lifecycle, volumeMounts: [{ name: 'data', mountPath: '/data' }] }
    const hostPath = { path: mkdtempSync(join(folder, 'host-')) }
    await apply(pod('polite', container, { volumes: [{ name: 'data', hostPath }] }))
    await until('polite', phase, 'Running')
    await expect.poll(async () => (await kubectl(['logs', 'polite'])).stdout).toMatch(/^\d+\n$/)
    const child = Number((await kubectl(['logs', 'polite'])).stdout)
    const startedAt = Date.now()
    await kubectl(['delete', 'pod', 'polite'])
    expect(Date.now() - startedAt).toBeGreaterThan(900)
    expect(Date.now() - startedAt).toBeLessThan(8_000)
    expect(readFileSync(join(hostPath.path, 'hook'), 'utf8')).toBe('hook\n')
    expect(isAlive(child)).toBe(false)
  })

  test('reaches services by their names, also without a mesh', async () => {
    const spec = { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80, targetPort: 5000 }] }
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' }, spec }
    const image = 'istio/examples-helloworld-v1'
    await apply(
      service,
      pod('shop', { image, ports: [{ containerPort: 5000 }] }),
      pod('client', { command: ['sleep', '600'] }),
    )
    await until('shop', ready, 'True')
    await until('client', ready, 'True')
    const curl = async (url: string): Promise<string> =>
      (await kubectl(['exec', 'client', '--', 'curl', '-s', '-m', '5', url])).stdout
    await expect.poll(() => curl('http://shop/hello')).toBe('Hello version: v1, instance: shop\n')
    expect(await curl('http://shop.default.svc.cluster.local/hello')).toContain('Hello version')
    expect(await curl('http://nothing/')).toContain('could not resolve host: nothing')
  })

  test('that is made to fail, or to stop, does so until it is healed', async () => {
    await apply(pod('victim', { image: 'istio/examples-helloworld-v1', ports: [{ containerPort: 5000 }] }))
    await until('victim', ready, 'True')
    const address = await field('victim', '{.status.podIP}')
    const victim = cluster.kubelet.victims('default').find(({ name }) => name.endsWith('/victim'))
    victim?.setProgramFault({ status: 503 })
    await expect.poll(async () => (await get(address, 5000)).status).toBe(503)
    victim?.setProgramFault(undefined)
    victim?.signal('SIGSTOP')
    const silent = await Promise.race([get(address, 5000), delay(700)])
    expect(silent).toBeUndefined()
    victim?.signal('SIGCONT')
    await expect.poll(async () => (await get(address, 5000)).status).toBe(200)
    victim?.signal('SIGKILL')
    await until('victim', `${first}.restartCount}`, '1')
    await expect.poll(async () => (await get(address, 5000)).status).toBe(200)
  })
})

describe('kubectl', () => {
  test('execs, with input and exit codes, and forwards ports', async () => {
    await apply(
      pod('tool', { command: ['sleep', 'infinity'] }),
      pod('web', { image: 'kennethreitz/httpbin', ports: [{ containerPort: 80 }] }),
    )
    await until('tool', ready, 'True')
    expect((await kubectl(['exec', '-i', 'tool', '--', 'cat'], 'hello')).stdout).toBe('hello')
    expect((await kubectl(['exec', 'tool', '--', 'sh', '-c', 'echo $HOSTNAME; exit 7'])).stdout).toBe('tool\n')
    expect((await kubectl(['exec', 'tool', '--', 'sh', '-c', 'exit 7'])).code).toBe(7)
    const missing = await kubectl(['exec', 'tool', '--', 'no-such-program'])
    expect(missing.code).not.toBe(0)
    expect(missing.stderr).toContain('executable file not found in $PATH')
    await until('web', ready, 'True')
    const forward = spawn('kubectl', ['--kubeconfig', cluster.kubeconfig, 'port-forward', 'pod/web', ':80'])
    try {
      const line = await new Promise<string>((resolve) =>
        forward.stdout.once('data', (text: Buffer) => resolve(text.toString())),
      )
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1])
      expect((await get('127.0.0.1', port, '/status/418')).status).toBe(418)
    } finally {
      forward.kill()
    }
  })
})

test('after kill -9 nothing stays, and the next start runs the pods anew', async () => {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-kubelet-killed-'))
  const start = async (): Promise<ReturnType<typeof spawn>> => {
    const program = fileURLToPath(new URL('testing/cluster.ts', import.meta.url))
    const run = spawn(process.execPath, [program, home], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => run.stdout.once('data', resolve))
    return run
  }
  const ask = (...args: string[]): Promise<Result> => kubectl(args, '', join(home, 'kubeconfig'))
  const processes = (): string[] => readdirSync(join(home, 'kubelet', 'processes'))
  try {
    const killed = await start()
    await ask('run', 'stays', '--image=busybox', '--', 'sh', '-c', 'sleep 4242 & wait')
    const running = async (): Promise<string> => (await ask('get', 'pod', 'stays', '-o', `jsonpath=${ready}`)).stdout
    await expect.poll(running, { timeout: 15_000 }).toBe('True')
    const [leader = ''] = processes()
    killed.kill('SIGKILL')
    await expect.poll(processes, { timeout: 5_000 }).toEqual([])
    await expect.poll(() => isAlive(Number(leader))).toBe(false)
    const again = await start()
    const restarts = async (): Promise<string> =>
      (await ask('get', 'pod', 'stays', '-o', `jsonpath=${first}.restartCount} ${ready}`)).stdout
    await expect.poll(restarts, { timeout: 15_000 }).toBe('1 True')
    again.kill('SIGKILL')
    await expect.poll(processes, { timeout: 5_000 }).toEqual([])
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
