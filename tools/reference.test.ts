import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { referenceFolder, referencePages } from './reference.ts'

it('docs/reference is as the code says (npm run docs)', async () => {
  const pages = await referencePages()
  const written = readdirSync(referenceFolder).map((name): [string, string] => [
    name,
    readFileSync(join(referenceFolder, name), 'utf8'),
  ])
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(pages))
})
