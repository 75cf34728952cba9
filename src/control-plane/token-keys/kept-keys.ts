import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Keys that were fetched, and when (milliseconds since 1970). */
export interface KeptKeys {
  readonly keys: string
  readonly at: number
}

/** Remembers fetched keys over a restart, so that tokens stay good while an issuer is away. */
export interface KeyStore {
  load(): ReadonlyMap<string, KeptKeys>
  /** Throws if the disk refuses. */
  save(kept: ReadonlyMap<string, KeptKeys>): void
}

/** A key store in a file of a folder. What cannot be read counts as empty. */
export function keyStoreIn(directory: string): KeyStore {
  const file = join(directory, 'token-keys.json')
  return {
    load() {
      try {
        const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Partial<KeptKeys>>)
        return new Map(
          entries.flatMap(([place, { keys, at }]) =>
            typeof keys === 'string' && typeof at === 'number' ? [[place, { keys, at }] as const] : [],
          ),
        )
      } catch {
        return new Map() // A cache: at worst the keys are fetched again.
      }
    },
    save(kept) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(kept)), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}
