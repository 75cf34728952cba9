// What is wrong with Telemetry objects, as far as the mesh's settings tell.
import type { World } from '../../../discovery/index.ts'
import { istioKinds, readTelemetry } from '../../../mesh/index.ts'
import type { Problem } from '../../../report/index.ts'
import { collect, type Place, refOf } from '../../../resources/index.ts'
import type { TelemetryMetrics } from '../../../resources/istio/index.ts'
import { providerOf } from '../providers.ts'
import { configOf } from './access-log.ts'
import { faultOfLabel } from './metrics.ts'
import { tracerOf } from './tracing.ts'

type Found = { readonly fault: string } | object | undefined
type Named = { readonly name: string }

/** Problems of the Telemetry objects of a world. */
export function telemetryProblems(world: World): Problem[] {
  const { primary } = world
  return world.objects(primary, istioKinds.telemetry).flatMap((object) => {
    const { accessLogging, metrics, tracing } = readTelemetry(object, primary)
    return collect(refOf(primary, object), (root) => {
      const place = root.field('spec')
      place.field('accessLogging').each(accessLogging, (at, { providers }) => {
        at.field('providers').each(providers, (each, { name }: Named) =>
          checkProvider(each, name, configOf(world, name)),
        )
      })
      place.field('metrics').each(metrics, checkMetrics(world))
      place.field('tracing').each(tracing, (at, each) => {
        at.field('providers').each(each.providers, (one, { name }: Named) =>
          checkProvider(one, name, tracerOf(world, name, '')),
        )
      })
    })
  })
}

function checkMetrics(world: World): (place: Place, metrics: TelemetryMetrics) => void {
  return (place, { providers, overrides }) => {
    place.field('providers').each(providers, (each, { name }: Named) => {
      const provider = providerOf(world, name)
      checkProvider(each, name, provider && !provider.prometheus ? { fault: 'it takes no metrics' } : provider)
    })
    place.field('overrides').each(overrides, (each, { match, tagOverrides }) => {
      if (match?.metric?.startsWith('GRPC_'))
        each
          .field('match')
          .field('metric')
          .warn('has no effect: messages within a stream are not counted', 'not-supported')
      each.field('tagOverrides').entries(tagOverrides, (at, { operation = 'UPSERT', value = '' }) => {
        const fault = operation === 'UPSERT' && value !== '' ? faultOfLabel(value) : undefined
        if (fault !== undefined) at.field('value').error(`has no effect: ${fault}`)
      })
    })
  }
}

function checkProvider(place: Place, name: string, found: Found): void {
  const at = place.field('name')
  if (!found) at.error(`the MeshConfig has no extension provider ${JSON.stringify(name)}`, 'reference-not-found')
  else if ('fault' in found)
    at.error(`provider ${JSON.stringify(name)} cannot be used: ${String(found.fault)}`, 'reference-not-found')
}
