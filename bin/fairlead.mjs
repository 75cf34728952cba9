#!/usr/bin/env -S node --max-semi-space-size=16
// The command `fairlead`. Needs Node 24; where an older one runs this file, it goes on in the one that the
// package brings (npm package `node`).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const args = process.argv.slice(2)
const [major] = process.versions.node.split('.').map(Number)
if (major >= 24) {
  settleMemory()
  module.enableCompileCache?.()
  const { main } = await import('../src/main.ts')
  await main(args)
} else {
  const own = join(root, 'node_modules/node/bin/node')
  if (!existsSync(own)) {
    console.error(`fairlead needs Node 24 or newer; this is ${process.version}, and ${own} is missing (run npm ci)`)
    process.exit(2)
  }
  const child = spawn(own, [import.meta.filename, ...args], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}

/**
 * V8 lets the young generation grow to 128 MB before it looks after it, unless it is told at its start. The first line of
 * this file does not count where somebody runs `node bin/fairlead.mjs`: what runs for long then starts anew, as the same
 * process.
 */
function settleMemory() {
  const flag = '--max-semi-space-size'
  const isTold = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) => option.includes(flag))
  if (isTold || args[0] !== 'serve' || process.execve === undefined || process.platform === 'win32') return
  const command = [process.execPath, ...process.execArgv, `${flag}=16`, import.meta.filename, ...args]
  process.execve(process.execPath, command, process.env)
}
