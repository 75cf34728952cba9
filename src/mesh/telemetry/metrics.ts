// Several Telemetry objects → which of Istio's standard metrics one side of a proxy counts, and with which labels.
import { meshConfigOf, type World } from '../../discovery/index.ts'
import { istioMetrics, type TelemetryMetrics } from '../../resources/istio/index.ts'
import type { TelemetryMode } from './merge.ts'
import { telemetryByKey } from './select.ts'

type Override = NonNullable<TelemetryMetrics['overrides']>[number]

/** What is said of one metric; later words go over earlier ones. */
export interface WantedMetric {
  readonly disabled: boolean
  /** Labels to add or to change, by a CEL expression; undefined: to leave out. */
  readonly labels: Readonly<Record<string, string | undefined>>
}

export type IstioMetric = (typeof istioMetrics)[number]

export type WantedMetrics = ReadonlyMap<IstioMetric, WantedMetric>

/** The metrics of one side for one provider's sake, of those that `counts` knows; undefined if nobody wants any. */
export function metricsOf(
  world: World,
  objects: readonly string[],
  mode: TelemetryMode,
  counts: (provider: string) => boolean,
): WantedMetrics | undefined {
  const said = objects.flatMap((key) => world.get(telemetryByKey, key)?.metrics ?? [])
  const written = meshConfigOf(world).defaultProviders?.metrics ?? []
  // Who says how metrics are to be counted wants them counted; every mesh has this provider.
  const defaults = written.length === 0 && said.length > 0 ? ['prometheus'] : written
  const named = said.map(({ providers = [] }) => providers.map(({ name }) => name))
  const last = named.findLast((names) => names.length > 0) ?? defaults
  const [provider] = last.filter(counts)
  if (provider === undefined) return undefined
  const wanted = new Map<IstioMetric, WantedMetric>()
  let off = false
  let inherited: readonly string[] = defaults
  for (const [at, { overrides = [] }] of said.entries()) {
    const own = named[at] ?? []
    inherited = own.length > 0 ? own : inherited
    if (!inherited.includes(provider)) continue
    for (const override of overrides.filter(({ match }) => isFor(match?.mode, mode))) {
      off = isAll(override) && override.disabled === true
      if (!off) for (const metric of metricsNamed(override)) wanted.set(metric, joined(wanted.get(metric), override))
    }
  }
  return off ? undefined : wanted
}

function isFor(written: string | undefined, mode: TelemetryMode): boolean {
  return written === undefined || written === 'CLIENT_AND_SERVER' || written === mode
}

function isAll({ match }: Override): boolean {
  return match?.customMetric === undefined && (match?.metric ?? 'ALL_METRICS') === 'ALL_METRICS'
}

function metricsNamed(override: Override): readonly IstioMetric[] {
  if (isAll(override)) return istioMetrics
  return istioMetrics.filter((metric) => metric === override.match?.metric)
}

function joined(known: WantedMetric | undefined, { disabled, tagOverrides = {} }: Override): WantedMetric {
  const labels = Object.entries(tagOverrides).map(
    ([name, { operation, value }]) => [name, operation === 'REMOVE' ? undefined : (value ?? '')] as const,
  )
  return {
    disabled: disabled ?? known?.disabled ?? false,
    labels: { ...known?.labels, ...Object.fromEntries(labels) },
  }
}
