// npm run cases:kubectl [-- DIR]: runs the kubectl cases (those here, or those in DIR) against a sandbox cluster that it
// starts for them and takes down again.
//
// Exits with 1 if a case fails that is not listed in known-failures.json, or if a listed one passes.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

const here = import.meta.dirname
const root = join(here, '../..')
const set = resolve(process.argv[2] ?? join(here, 'kubectl'))
const known = new Set(JSON.parse(readFileSync(join(here, 'known-failures.json'), 'utf8')).kubectl)
const home = mkdtempSync(join(tmpdir(), 'fairlead-kubectl-cases-'))
const cluster = 'east'

/** Runs a command, showing what it prints; resolves with exit code and output. */
function run(args, timeoutMs) {
  return new Promise((resolveRun, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, FAIRLEAD_HOME: home } })
    let printed = ''
    const read = (chunk) => {
      printed += chunk
      process.stdout.write(chunk)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    const timer = setTimeout(() => child.kill('SIGTERM'), timeoutMs)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolveRun({ code, printed })
    })
  })
}

const fairlead = join(root, 'bin/fairlead.mjs')
let exit = 1
try {
  const up = await run([fairlead, 'sandbox', 'up', '--clusters', cluster, '--no-control-plane', '--detach', '--pid', `${process.pid}`], 120_000)
  if (up.code !== 0) throw new Error('the sandbox does not start')
  const kubeconfig = join(home, 'sandboxes/default/kubeconfig')
  const { printed } = await run([join(here, 'kubectl/run.mjs'), '--kubeconfig', kubeconfig, '--context', cluster, set], 600_000)
  const failed = new Set([...printed.matchAll(/^FAIL (\S+?):/gm)].map((match) => basename(match[1])))
  const counts = /^(\d+) passed, (\d+) failed$/m.exec(printed)
  const unexpected = [...failed].filter((name) => !known.has(name))
  const healed = counts && set === join(here, 'kubectl') ? [...known].filter((name) => !failed.has(name)) : []
  for (const name of unexpected) console.log(`kubectl ${name} FAILS`)
  for (const name of healed) console.log(`kubectl ${name} passes now: take it off known-failures.json`)
  if (counts) console.log(counts[0])
  exit = counts && unexpected.length === 0 && healed.length === 0 ? 0 : 1
} finally {
  await run([fairlead, 'sandbox', 'down'], 60_000)
  rmSync(home, { recursive: true, force: true })
}
process.exitCode = exit
