import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Names of the sample applications: the manifests in `examples/samples`. */
export function sampleNames(): string[] {
  return readdirSync(join(import.meta.dirname, '../../../examples/samples'))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort()
}
