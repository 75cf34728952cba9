// npm run cases: runs the offline conformance sets (Istio, Gloo) and prints passed/total for each area.
//
// Exits with 1 if a case fails that is not listed in known-failures.json, or if a listed one passes (take it off the
// list then): the list can only get shorter. `--report` prints and never fails for what is listed either way.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname
const root = join(here, '../..')
const impl = process.env.FAIRLEAD ?? `${process.execPath} ${join(root, 'bin/fairlead.mjs')}`
const known = JSON.parse(readFileSync(join(here, 'known-failures.json'), 'utf8'))

/** Runs a set's own runner in verbose mode; returns case → whether it passed. */
function runSet(name) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(here, name, 'run.mjs'), '--impl', impl, '-v'], { cwd: root })
    let printed = ''
    let errors = ''
    child.stdout.on('data', (chunk) => (printed += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('error', reject)
    child.on('close', () => {
      const results = new Map()
      for (const line of printed.split('\n')) {
        const found = /^(ok {3}|FAIL )(\S+)/.exec(line)
        if (found) results.set(found[2].replace(/:$/, ''), found[1] === 'ok   ')
      }
      if (results.size === 0) reject(new Error(`the runner of ${name} printed no results: ${printed}${errors}`))
      else resolve({ results, printed })
    })
  })
}

const areas = {
  istio: (name) => name.split('/')[0],
  gloo: (name) => (/-smh-/.test(name) ? 'service-mesh-hub v1alpha1' : 'gloo-mesh'),
}
let surprises = 0
let passedInAll = 0
let failedInAll = 0
for (const set of Object.keys(areas)) {
  const { results, printed } = await runSet(set)
  const byArea = new Map()
  for (const [name, passed] of results) {
    const area = areas[set](name)
    const count = byArea.get(area) ?? { passed: 0, total: 0 }
    byArea.set(area, { passed: count.passed + (passed ? 1 : 0), total: count.total + 1 })
    if (passed) passedInAll++
    else failedInAll++
    const listed = known[set].includes(name)
    if (passed === listed) {
      surprises++
      console.log(passed ? `${set} ${name} passes now: take it off known-failures.json` : `${set} ${name} FAILS`)
      if (!passed) console.log(printed.split(/\n(?=ok {3}|FAIL )/).find((part) => part.startsWith(`FAIL ${name}`)) ?? '')
    }
  }
  for (const [area, count] of byArea) console.log(`${set.padEnd(6)} ${area.padEnd(28)} ${count.passed}/${count.total}`)
}
console.log(`${passedInAll} passed, ${failedInAll} failed`)
process.exitCode = surprises > 0 && !process.argv.includes('--report') ? 1 : 0
