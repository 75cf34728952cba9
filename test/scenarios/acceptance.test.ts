// Our own acceptance files: those beside this one.
import { readdirSync } from 'node:fs'
import { accept } from './accept.ts'

accept(
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `test/scenarios/${name}`),
)
