// Several Telemetry objects → what one side of a proxy logs and traces.
import { meshConfigOf, type World } from '../../discovery/index.ts'
import type { TelemetryAccessLogging, TelemetryTracing } from '../../resources/istio/index.ts'
import { telemetryByKey } from './select.ts'

/** Whether a proxy speaks for the caller, or for the program that is called. */
export type TelemetryMode = 'CLIENT' | 'SERVER'

/** One access log: who writes it, and what is left out. */
export interface WantedLog {
  readonly provider: string
  readonly disabled: boolean
  /** CEL; only what it says yes to is logged. */
  readonly filter: string | undefined
}

/** What is traced; the last word that any object says of a setting counts. */
export interface WantedTracing {
  readonly provider: string | undefined
  readonly disabled: boolean
  /** Percent. */
  readonly sampling: number | undefined
  readonly customTags: NonNullable<TelemetryTracing['customTags']>
  readonly useRequestId: boolean
  readonly istioTags: boolean
}

const isFor = (match: { readonly mode?: string | undefined } | undefined, mode: TelemetryMode): boolean =>
  match?.mode === undefined || match.mode === 'CLIENT_AND_SERVER' || match.mode === mode

const namesOf = ({ providers = [] }: TelemetryAccessLogging): string[] => providers.map(({ name }) => name)

/** The access logs of one side, by name of the provider; undefined if nobody says anything of logs. */
export function accessLogsOf(world: World, objects: readonly string[], mode: TelemetryMode): WantedLog[] | undefined {
  const levels = objects
    .map((key) => world.get(telemetryByKey, key)?.accessLogging ?? [])
    .filter((level) => level.length > 0)
  const defaults = meshConfigOf(world).defaultProviders?.accessLogging ?? []
  if (levels.length === 0 && defaults.length === 0) return undefined
  if (levels.length === 0) return sorted(defaults.map((provider) => ({ provider, disabled: false, filter: undefined })))
  const filters = new Map<string, string | undefined>()
  let named: readonly string[] = defaults
  for (const level of levels) {
    const fitting = level.filter(({ match }) => isFor(match, mode))
    for (const each of fitting) for (const name of namesOf(each)) filters.set(name, each.filter?.expression)
    const own = fitting.flatMap(namesOf)
    if (own.length > 0) named = own
  }
  const found = new Map<string, WantedLog>()
  let parents: readonly string[] = defaults
  for (const each of levels.flat()) {
    const own = namesOf(each)
    if (own.length > 0) parents = own
    if (!isFor(each.match, mode)) continue
    for (const provider of parents.filter((name) => named.includes(name)))
      found.set(provider, { provider, disabled: each.disabled === true, filter: filters.get(provider) })
  }
  return sorted([...found.values()])
}

function sorted(logs: readonly WantedLog[]): WantedLog[] {
  return [...logs].sort((a, b) => (a.provider < b.provider ? -1 : 1))
}

/** What one side traces; undefined if nobody says anything of tracing. */
export function tracingOf(world: World, objects: readonly string[], mode: TelemetryMode): WantedTracing | undefined {
  const said = objects.flatMap((key) => world.get(telemetryByKey, key)?.tracing ?? [])
  const [provider] = meshConfigOf(world).defaultProviders?.tracing ?? []
  if (said.length === 0 && provider === undefined) return undefined
  let wanted: WantedTracing = {
    provider,
    disabled: false,
    sampling: undefined,
    customTags: {},
    useRequestId: true,
    istioTags: true,
  }
  for (const each of said.filter(({ match }) => isFor(match, mode))) {
    wanted = {
      provider: each.providers?.[0]?.name ?? wanted.provider,
      disabled: each.disableSpanReporting ?? wanted.disabled,
      sampling: each.randomSamplingPercentage ?? wanted.sampling,
      customTags: each.customTags ?? wanted.customTags,
      useRequestId: each.useRequestIdForTraceSampling ?? wanted.useRequestId,
      istioTags: each.enableIstioTags ?? wanted.istioTags,
    }
  }
  return { ...wanted, disabled: wanted.disabled || wanted.provider === undefined }
}
