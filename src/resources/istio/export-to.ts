import type { Place } from '../check.ts'
import { isDnsLabel } from './names.ts'

/** What kind of object exports: only a ServiceEntry may say `~`, and a rule for one workload stays at home. */
export type Exporter = 'config' | 'service-entry' | 'workload-rule'

/** Namespaces that see an object: `.`, `*`, names, and `~` (nobody) for ServiceEntries. */
export function checkExportTo(
  place: Place,
  exportTo: readonly string[] | undefined,
  namespace: string,
  exporter: Exporter,
): void {
  if (exportTo === undefined || exportTo.length === 0) return
  const seen = new Set<string>()
  place.each(exportTo, (at, entry) => {
    const name = entry === '.' ? namespace : entry
    if (seen.has(name)) at.error(entry === '.' ? `${namespace} is named already, as . is` : `${entry} is named twice`)
    seen.add(name)
    if (entry === '~' ? exporter !== 'service-entry' : entry !== '.' && entry !== '*' && !isDnsLabel(entry))
      at.error(`${JSON.stringify(entry)} must be a namespace, . or *`)
  })
  if (seen.size > 1 && seen.has('*')) place.error('* (all namespaces) stands alone')
  if (seen.size > 1 && seen.has('~')) place.error('~ (no namespace) stands alone')
  if (exporter !== 'workload-rule') return
  if (!seen.has(namespace)) place.error('a rule for one workload is not seen beyond its own namespace')
  else if (seen.size > 1) place.error('a rule for one workload is seen in its own namespace only')
}
