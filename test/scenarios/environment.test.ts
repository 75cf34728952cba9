// What goes wrong around Fairlead: missing tools, ports that are taken, a full disk, a kill. Each is said in words, and
// nothing is left behind.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from './run-command.ts'

const fairlead = join(root, 'bin/fairlead.mjs')
const seconds = 1000
let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'fairlead-environment-'))
})
afterEach(() => {
  run(['sandbox', 'down'])
  rmSync(home, { recursive: true, force: true })
})

function run(args: readonly string[], env: Record<string, string> = {}, timeoutSeconds = 120) {
  const result = spawnSync(process.execPath, [fairlead, ...args], {
    env: { ...process.env, FAIRLEAD_HOME: home, ...env },
    encoding: 'utf8',
    timeout: timeoutSeconds * seconds,
    killSignal: 'SIGKILL',
  })
  return { exit: result.status, printed: `${result.stdout}${result.stderr}` }
}

const bare = ['sandbox', 'up', '--clusters', 'east', '--no-control-plane', '--detach', '--pid', String(process.pid)]

function kubectl(args: readonly string[]): string {
  const kubeconfig = join(home, 'sandboxes/default/kubeconfig')
  return execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...args], { encoding: 'utf8', timeout: 60 * seconds })
}

/** Processes whose command line or environment names this test's folder. */
function leftBehind(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        return command.includes(home) || environment.includes(home) ? [`${pid} ${command}`] : []
      } catch {
        return [] // ended meanwhile
      }
    })
}

async function eventually(check: () => void, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      return check()
    } catch (error) {
      if (performance.now() >= deadline) throw error
      await new Promise((done) => setTimeout(done, 200))
    }
  }
}

describe('tools', () => {
  it('kubectl absent: the demo says so', () => {
    const { exit, printed } = run(['demo', '--once'], { PATH: home })
    expect(exit).toBe(1)
    expect(printed).toMatch(/no kubectl on PATH/)
  })

  it('Envoy missing where it was said to be: said, with the path', () => {
    const { exit, printed } = run(bare, { FAIRLEAD_ENVOY: join(home, 'no-envoy') })
    expect(exit).toBe(1)
    expect(printed).toContain(join(home, 'no-envoy'))
  })

  it('Envoy of another version: refused, and both versions are named', () => {
    const fake = join(home, 'envoy')
    writeFileSync(fake, '#!/bin/sh\necho "envoy  version: abc/1.20.0/Clean/RELEASE/BoringSSL"\n', { mode: 0o755 })
    const { exit, printed } = run(bare, { FAIRLEAD_ENVOY: fake })
    expect(exit).toBe(1)
    expect(printed).toContain('1.20.0')
    expect(printed).toContain('1.40')
  })

  it('wrong usage is exit code 2', () => {
    expect(run(['sandbox', 'up', '--clusters', 'Not A Name']).exit).toBe(2)
    expect(run(['sandbox', 'fault', 'no-such-fault']).exit).toBe(2)
    expect(run(['serve', '--no-such-flag']).exit).toBe(2)
  })
})

describe('a running sandbox', () => {
  it('killed with -9: a new start finds everything, and nothing was left behind', {
    timeout: 180 * seconds,
  }, async () => {
    expect(run(bare).exit).toBe(0)
    kubectl(['create', 'configmap', 'kept', '--from-literal=a=1', '-n', 'default'])
    const uid = kubectl(['get', 'configmap', 'kept', '-n', 'default', '-o', 'jsonpath={.metadata.uid}'])
    const status = JSON.parse(run(['sandbox', 'status', '-o', 'json']).printed) as { pid: number }
    process.kill(status.pid, 'SIGKILL')
    await eventually(() => expect(leftBehind()).toEqual([]), 15 * seconds)
    expect(run(bare).exit).toBe(0)
    expect(kubectl(['get', 'configmap', 'kept', '-n', 'default', '-o', 'jsonpath={.metadata.uid}'])).toBe(uid)
    expect(run(['sandbox', 'down']).exit).toBe(0)
    await eventually(() => expect(leftBehind()).toEqual([]), 15 * seconds)
  })

  it('ends with the process that it was told to end with', { timeout: 120 * seconds }, async () => {
    const companion = spawn('sleep', ['600'], { stdio: 'ignore' })
    expect(run([...bare.slice(0, -1), String(companion.pid)]).exit).toBe(0)
    companion.kill('SIGKILL')
    await eventually(() => expect(leftBehind()).toEqual([]), 30 * seconds)
    expect(run([...bare.slice(0, -1), String(companion.pid)]).printed).toContain('no process has this id')
  })

  it('a second one of the same name is refused, and the first is not hurt', { timeout: 120 * seconds }, () => {
    expect(run(bare).exit).toBe(0)
    const second = run(bare)
    expect(second.exit).toBe(1)
    expect(second.printed).toMatch(/default/)
    expect(kubectl(['get', 'namespaces', '-o', 'name'])).toContain('namespace/default')
  })

  it('a port of the control plane that is taken is named', { timeout: 120 * seconds }, async () => {
    expect(run(bare).exit).toBe(0)
    const blocker = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => blocker.once('listening', done))
    const address = blocker.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const kubeconfig = join(home, 'sandboxes/default/kubeconfig')
    const { exit, printed } = run(['serve', '--kubeconfig', kubeconfig, '--http', `127.0.0.1:${port}`], {}, 30)
    blocker.close()
    expect(exit).toBe(1)
    expect(printed).toContain(String(port))
    expect(printed).toMatch(/in use/i)
  })
})

/** Whether this machine lets an ordinary user mount a small disk of its own. */
const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0

describe('a full disk', () => {
  it.runIf(canMount)(
    'refuses writes in words, keeps what is there, and serves reads',
    { timeout: 120 * seconds },
    async () => {
      const script = `mount -t tmpfs -o size=24m none ${home} && exec ${process.execPath} ${fairlead} sandbox up --clusters east --no-control-plane`
      const child = spawn('unshare', ['-Urm', 'sh', '-c', script], {
        env: { ...process.env, FAIRLEAD_HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let printed = ''
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
      const ended = new Promise((done) => child.once('exit', done))
      try {
        await eventually(() => expect(printed).toContain('sandbox default is up'), 60 * seconds)
        const inside = (command: string) =>
          spawnSync('nsenter', ['-t', String(child.pid), '-U', '-m', '--preserve-credentials', 'sh', '-c', command], {
            encoding: 'utf8',
            timeout: 60 * seconds,
          })
        const kube = `kubectl --kubeconfig ${home}/sandboxes/default/kubeconfig -n default`
        expect(inside(`${kube} create configmap before --from-literal=a=1`).status).toBe(0)
        inside(`dd if=/dev/zero of=${home}/filler bs=64k; dd if=/dev/zero of=${home}/filler2 bs=1k`)
        const big = inside(
          `head -c 600000 /dev/zero | tr '\\0' x > /tmp/fairlead-big-$$; ${kube} create configmap big --from-file=/tmp/fairlead-big-$$; code=$?; rm /tmp/fairlead-big-$$; exit $code`,
        )
        expect(big.status).not.toBe(0)
        expect(big.stderr).toMatch(/full|space|storage/i)
        const read = inside(`${kube} get configmap before -o name`)
        expect(`${read.stdout}${read.stderr}${printed}`).toContain('configmap/before')
        inside(`rm ${home}/filler ${home}/filler2`)
        expect(inside(`${kube} create configmap after --from-literal=a=1`).status).toBe(0)
      } finally {
        child.kill('SIGTERM')
        await ended
      }
      expect(existsSync(home)).toBe(true)
    },
  )
})
