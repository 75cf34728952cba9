// Programs are started many times: taking the types out once, and not in every process, halves what each costs
// (16 MB instead of 30, and half of the time to listen).
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('programs', import.meta.url))

/** Writes the programs as plain JavaScript into a folder, once for each version of them; returns their entry point. */
export function preparePrograms(folder: string): string {
  const files = readdirSync(sources).filter((name) => name.endsWith('.ts'))
  const texts = files.map((name) => ({ name, text: readFileSync(join(sources, name), 'utf8') }))
  const version = createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16)
  const target = join(folder, version)
  const main = join(target, 'main.mjs')
  if (existsSync(main)) return main
  const draft = join(folder, `${version}.${process.pid}`)
  mkdirSync(draft, { recursive: true })
  for (const { name, text } of texts) {
    // Only these files import each other, and only by such names.
    const script = quietly(() => stripTypeScriptTypes(text)).replace(/(\.\/[\w${}-]+)\.ts(?=['`])/g, '$1.mjs')
    writeFileSync(join(draft, name.replace(/\.ts$/, '.mjs')), script)
  }
  try {
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(main)) throw error // not somebody else who was quicker
  }
  return main
}

/** Node calls the function experimental, though it is what runs this very file. */
function quietly<T>(act: () => T): T {
  const emitWarning: unknown = Reflect.get(process, 'emitWarning')
  process.emitWarning = () => undefined
  try {
    return act()
  } finally {
    Reflect.set(process, 'emitWarning', emitWarning)
  }
}
