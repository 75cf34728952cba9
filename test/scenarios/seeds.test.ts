// The acceptance files of the five guides.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { accept } from './accept.ts'
import { root } from './run-command.ts'

const folder = 'test/conformance/seeds'
accept(
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `${folder}/${name}`),
)
