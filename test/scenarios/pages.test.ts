// The guide pages: what a reader types is run. Pages that name no sandbox to start from are only read.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accept } from './accept.ts'
import { root } from './run-command.ts'

const folder = 'docs/guides'
accept(
  readdirSync(join(root, folder))
    .sort()
    .map((name) => `${folder}/${name}`)
    .filter((path) => /^<!-- sandbox: /m.test(readFileSync(join(root, path), 'utf8'))),
)
