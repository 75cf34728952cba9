export {
  accessLogsOf,
  type TelemetryMode,
  tracingOf,
  type WantedLog,
  type WantedTracing,
} from './merge.ts'
export { type IstioMetric, metricsOf, type WantedMetrics } from './metrics.ts'
export { type TelemetryScope, telemetryScope } from './scope.ts'
export { readTelemetry } from './select.ts'
