import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { boolean, duration, list, map, number, object, oneOf, required, type Static, string } from '../schema.ts'
import { telemetryGroup } from './group.ts'
import { attachment, oneAttachment } from './selector.ts'
import { istioStatus } from './status.ts'
import { checkTelemetry } from './telemetry-check.ts'

const filled = string({ minLength: 1 })
const workloadMode = oneOf(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER'])
const providers = list(object({ name: required(filled) }), {
  description: 'Names of extensionProviders of the MeshConfig.',
})

const named = object({ name: required(filled), defaultValue: string() })
const customTag = object(
  {
    literal: object({ value: required(filled) }),
    environment: named,
    header: named,
    formatter: object({ value: required(filled) }),
  },
  { atMostOne: [['literal', 'environment', 'header', 'formatter']] },
)

const tracing = object({
  match: object({ mode: workloadMode }),
  providers,
  randomSamplingPercentage: number({ minimum: 0, maximum: 100, nullable: true }),
  disableSpanReporting: boolean({ nullable: true }),
  customTags: map(customTag),
  useRequestIdForTraceSampling: boolean({ nullable: true }),
  enableIstioTags: boolean({ nullable: true }),
  disableContextPropagation: boolean({ nullable: true }),
})

/** Istio's standard metrics. */
export const istioMetrics = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
] as const

const istioMetric = oneOf(['ALL_METRICS', ...istioMetrics])

const operationIs = (name: string): string => `has(self.operation) && self.operation == '${name}'`
const tagOverride = object(
  { operation: oneOf(['UPSERT', 'REMOVE']), value: string() },
  {
    rules: [
      {
        rule: `!(${operationIs('UPSERT')}) || (has(self.value) && self.value != '')`,
        message: 'UPSERT needs a value',
      },
      { rule: `!(${operationIs('REMOVE')}) || !has(self.value)`, message: 'REMOVE takes no value' },
    ],
  },
)

const metrics = object({
  providers,
  overrides: list(
    object({
      match: object(
        { metric: istioMetric, customMetric: filled, mode: workloadMode },
        { atMostOne: [['metric', 'customMetric']] },
      ),
      disabled: boolean({ nullable: true }),
      tagOverrides: map(tagOverride),
    }),
  ),
  reportingInterval: duration({ minimum: '1ms' }),
})

const accessLogging = object({
  match: object({ mode: workloadMode }),
  providers,
  disabled: boolean({ nullable: true }),
  filter: object({ expression: string({ description: 'CEL.' }) }),
})

export const telemetrySpec = object(
  { ...attachment, tracing: list(tracing), metrics: list(metrics), accessLogging: list(accessLogging) },
  { atMostOne: [oneAttachment] },
)

export type TelemetryTracing = Static<typeof tracing>
export type TelemetryMetrics = Static<typeof metrics>
export type TelemetryAccessLogging = Static<typeof accessLogging>
export type TelemetrySpec = Static<typeof telemetrySpec>
export type Telemetry = KubeObject<TelemetrySpec, Static<typeof istioStatus>>

export const telemetryKind = defineKind({
  group: telemetryGroup.group,
  categories: telemetryGroup.categories,
  versions: [{ name: 'v1', storage: true }, { name: 'v1alpha1' }],
  kind: 'Telemetry',
  plural: 'telemetries',
  singular: 'telemetry',
  shortNames: ['telemetry'],
  description: 'Which metrics, traces and access logs proxies make.',
  spec: telemetrySpec,
  status: istioStatus,
  checkFields: checkTelemetry,
})
