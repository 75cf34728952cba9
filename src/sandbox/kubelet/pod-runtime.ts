// What the kubelet's server asks of pods: logs, commands, connections.
import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import type { PodRuntime } from '../streaming/index.ts'
import { endpointOf, logFile } from './launch.ts'
import { rewritePaths } from './mounts.ts'
import type { PodWorker } from './pod.ts'
import type { RunningProcess } from './processes/index.ts'
import { resizer, withTerminal } from './terminal.ts'

/** Answers for the pods that `find` knows. */
export function podRuntime(find: (namespace: string, name: string) => PodWorker | undefined): PodRuntime {
  const containerOf = (namespace: string, name: string, container: string): ReturnType<PodWorker['container']> =>
    find(namespace, name)?.container(container)
  return {
    logFile(namespace, name, container, previous) {
      const site = find(namespace, name)?.site
      const runner = containerOf(namespace, name, container)
      if (!site || !runner) return undefined
      // A container that waits to be started again shows what it said last.
      const latest = existsSync(logFile(site.folder, container, runner.restarts))
        ? runner.restarts
        : runner.restarts - 1
      const file = logFile(site.folder, container, previous ? latest - 1 : latest)
      return existsSync(file) ? file : undefined
    },
    isRunning: (namespace, name, container) => containerOf(namespace, name, container)?.isRunning ?? false,
    exec(namespace, name, container, command, { tty }) {
      const pod = find(namespace, name)
      const surroundings = pod?.surroundings(container)
      if (!pod?.site || !surroundings || !pod.container(container)?.isRunning) return undefined
      const { env, cwd, mounts } = surroundings
      const argv = command.map((text) => rewritePaths(text, mounts))
      const terminal = tty ? withTerminal(argv) : undefined
      const started = pod.site.node.processes.start({
        argv: terminal ?? argv,
        env: terminal ? { TERM: 'xterm', ...env, SHELL: '/bin/sh' } : env,
        cwd,
      })
      return terminal ? Object.assign(started.child, { resize: resizer(started.pid) }) : started.child
    },
    attach(namespace, name, container) {
      const running = containerOf(namespace, name, container)?.process
      return running && onlooker(running)
    },
    connect(namespace, name, port) {
      const site = find(namespace, name)?.site
      if (!site) return undefined
      const endpoint = endpointOf(site, port)
      return connect(endpoint.port, endpoint.host)
    },
  }
}

/** Somebody who sees and hears a process, and can leave without ending it. */
function onlooker({ child, exited }: RunningProcess): ChildProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const toOut = (chunk: Buffer): void => void stdout.write(chunk)
  const toErr = (chunk: Buffer): void => void stderr.write(chunk)
  child.stdout?.on('data', toOut)
  child.stderr?.on('data', toErr)
  stdin.on('data', (chunk: Buffer) => child.stdin?.write(chunk))
  const view = new EventEmitter()
  const leave = (): void => {
    child.stdout?.off('data', toOut)
    child.stderr?.off('data', toErr)
    stdout.end()
    stderr.end()
  }
  void exited.then(({ code, signal }) => {
    leave()
    view.emit('close', code, signal ?? null)
  })
  const kill = (): boolean => {
    leave()
    return true
  }
  // Of a child process, the server uses these and the event `close`.
  return Object.assign(view, { stdin, stdout, stderr, kill }) as unknown as ChildProcess
}
