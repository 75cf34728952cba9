// Puts this package's own commands into node_modules/.bin, so that `npx fairlead` and the conformance runners find
// them in a checkout just as they would after an install. Runs after every `npm ci` (script `prepare`).
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = join(root, 'node_modules/.bin')
mkdirSync(folder, { recursive: true })
for (const [name, target] of Object.entries(bin)) {
  rmSync(join(folder, name), { force: true })
  symlinkSync(join('../..', target), join(folder, name))
}
