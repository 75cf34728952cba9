// How long the demo takes from the command to its end: cold, in a folder of its own, and a second time in the same one.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface StartUp {
  readonly run: 'cold' | 'warm'
  readonly seconds: number
}

export async function measureStartUp(say: (line: string) => void): Promise<StartUp[]> {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  const rows: StartUp[] = []
  try {
    for (const run of ['cold', 'warm'] as const) {
      const start = performance.now()
      await demo(home)
      const seconds = (performance.now() - start) / 1000
      rows.push({ run, seconds })
      say(`demo --once, ${run}: ${seconds.toFixed(1)} s`)
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
  return rows
}

function demo(home: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const command = join(import.meta.dirname, '../../bin/fairlead.mjs')
    const env = { ...process.env, FAIRLEAD_HOME: home }
    const child = spawn(process.execPath, [command, 'demo', '--once'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    const keep = (chunk: Buffer): void => {
      printed += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`demo ended with ${code}:\n${printed}`))))
  })
}
