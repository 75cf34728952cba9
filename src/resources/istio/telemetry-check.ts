import type { Place } from '../check.ts'
import { faultOfCel } from './cel.ts'
import { checkAttachment } from './selector-check.ts'
import type { Telemetry, TelemetryMetrics, TelemetrySpec } from './telemetry.ts'

export function checkTelemetry(root: Place, { spec = {} }: Telemetry): void {
  const place = root.field('spec')
  checkAttachment(place, spec)
  place.field('metrics').each(spec.metrics, checkMetrics)
  checkTracing(place.field('tracing'), spec.tracing)
  place.field('accessLogging').each(spec.accessLogging, (at, { filter }) => {
    const fault = filter === undefined ? undefined : faultOfCel(filter.expression ?? '')
    if (fault !== undefined) at.field('filter').field('expression').error(`is no CEL expression: ${fault}`)
  })
}

function checkMetrics(place: Place, metrics: TelemetryMetrics): void {
  place.field('overrides').each(metrics.overrides, (at, override) =>
    at.field('tagOverrides').entries(override.tagOverrides, (tagAt, tag, name) => {
      if (name === '') tagAt.warn('a tag without name has no effect')
      const { operation = 'UPSERT', value = '' } = tag
      if (operation === 'UPSERT' && value === '') tagAt.field('value').error('UPSERT needs a value', 'required')
      if (operation === 'REMOVE' && value !== '') tagAt.field('value').error('REMOVE takes no value')
    }),
  )
}

function checkTracing(place: Place, tracing: TelemetrySpec['tracing']): void {
  if ((tracing?.length ?? 0) > 1) place.warn('only one entry is supported')
  place.each(tracing, (at, entry) => {
    if ((entry.providers?.length ?? 0) > 1) at.field('providers').warn('only one provider is supported')
    at.field('customTags').entries(entry.customTags, (tagAt, _tag, name) => {
      if (name === '') tagAt.error('a tag needs a name')
    })
  })
}
