import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ControlPlane, lastLine } from './control-plane.ts'

const directory = mkdtempSync(join(tmpdir(), 'fairlead-control-plane-'))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('a control plane that refuses its flags is not waited for', { timeout: 60_000 }, async () => {
  const access = { context: 'east', server: 'https://127.0.0.1:1', certificateAuthority: '', user: {} }
  const controlPlane = new ControlPlane({
    clusters: [{ name: 'east', access }],
    directory,
    ports: { xds: 1, http: 1 },
    workloadCertTtl: 'soon',
    onExit: () => undefined,
  })
  controlPlane.start()
  try {
    await expect(controlPlane.awaitReady(50_000)).rejects.toThrow(/exit code 2: .*duration.*logs\/control-plane\.log/)
    expect(readFileSync(controlPlane.logFile, 'utf8')).toContain('--workload-cert-ttl')
  } finally {
    await controlPlane.stop()
  }
})

test('of a log line what it says is told', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'fairlead-log-')), 'log')
  writeFileSync(file, '{"level":30,"msg":"a"}\n{"level":60,"err":"port is taken","msg":"cannot start"}\n')
  expect(lastLine(file)).toBe('cannot start: port is taken')
  writeFileSync(file, 'error: unknown option\n')
  expect(lastLine(file)).toBe('error: unknown option')
  rmSync(join(file, '..'), { recursive: true })
})
