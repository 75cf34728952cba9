#!/usr/bin/env -S node --max-semi-space-size=16
// The command `meshctl`. Needs Node 24; where an older one runs this file, it goes on in the one that the
// package brings (npm package `node`).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const [major] = process.versions.node.split('.').map(Number)
if (major >= 24) {
  module.enableCompileCache?.()
  const { main } = await import('../src/cli/meshctl/index.ts')
  await main(process.argv.slice(2))
} else {
  const own = join(root, 'node_modules/node/bin/node')
  if (!existsSync(own)) {
    console.error(`meshctl needs Node 24 or newer; this is ${process.version}, and ${own} is missing (run npm ci)`)
    process.exit(2)
  }
  const child = spawn(own, [import.meta.filename, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
}
