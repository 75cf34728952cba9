// Extensions of proxies. They are known, so that they can be applied and judged as in Istio; nothing comes of them, which
// their owner is told (backends/envoy/unsupported-fields.ts).
import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import {
  anyObject,
  type CelRule,
  int32,
  list,
  object,
  oneOf,
  port,
  required,
  type Static,
  string,
  type TSchema,
} from '../schema.ts'
import { extensions } from './group.ts'
import { attachment, targetReference, workloadSelector } from './selector.ts'
import { istioStatus } from './status.ts'
import { checkTrafficExtension, checkWasmPlugin } from './wasm-plugin-check.ts'

const environmentVariable = object(
  {
    name: required(string({ minLength: 1, maxLength: 256 })),
    valueFrom: oneOf(['INLINE', 'HOST']),
    value: string({ maxLength: 2048 }),
  },
  {
    rules: [
      {
        rule: "!(has(self.valueFrom) && self.valueFrom == 'HOST') || !has(self.value)",
        message: 'a value goes with valueFrom INLINE only',
      },
    ],
  },
)

const schemes = "['', 'http', 'https', 'file', 'oci']"
const knownScheme: CelRule = {
  rule: `isURL(self) ? url(self).getScheme() in ${schemes} : isURL('http://' + self)`,
  message: 'the URL must begin with one of http, https, file, oci',
}

/** What makes up a WebAssembly module, wherever it is said. */
const module = {
  url: required(string({ minLength: 1, rules: [knownScheme] })),
  sha256: string({ pattern: '(^$|^[a-f0-9]{64}$)' }),
  imagePullPolicy: oneOf(['UNSPECIFIED_POLICY', 'IfNotPresent', 'Always']),
  imagePullSecret: string({ minLength: 1, maxLength: 253 }),
  verificationKey: string(),
  pluginConfig: anyObject(),
  pluginName: string({ minLength: 1, maxLength: 256 }),
  failStrategy: oneOf(['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD']),
  vmConfig: object({ env: list(environmentVariable, { maxItems: 256, keys: ['name'] }) }),
  type: oneOf(['UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK']),
}

const match = list(
  object({
    mode: oneOf(['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER']),
    ports: list(object({ number: required(port()) }), { keys: ['number'] }),
  }),
)
const priority = int32({ nullable: true })

export const wasmPluginSpec = object(
  { ...attachment, ...module, phase: oneOf(['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS']), priority, match },
  { atMostOne: [['selector', 'targetRef', 'targetRefs']] },
)

export const trafficExtensionSpec = object(
  {
    selector: workloadSelector,
    targetRefs: list(targetReference, { maxItems: 16 }),
    wasm: object(module),
    lua: object({ inlineCode: required(string({ minLength: 1, maxLength: 65536 })) }),
    phase: oneOf(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']),
    priority,
    match,
  },
  { atMostOne: [['selector', 'targetRefs']], exactlyOne: [['wasm', 'lua']] },
)

type Of<Spec extends TSchema> = KubeObject<Static<Spec>, Static<typeof istioStatus>>
export type WasmModule = Pick<Static<typeof wasmPluginSpec>, keyof typeof module>
export type WasmPlugin = Of<typeof wasmPluginSpec>
export type TrafficExtension = Of<typeof trafficExtensionSpec>

export const wasmPluginKind = defineKind({
  group: extensions.group,
  categories: extensions.categories,
  versions: [{ name: 'v1alpha1', storage: true }],
  kind: 'WasmPlugin',
  plural: 'wasmplugins',
  description: 'A WebAssembly extension of proxies. Fairlead does not support it.',
  spec: wasmPluginSpec,
  status: istioStatus,
  checkFields: checkWasmPlugin,
})

export const trafficExtensionKind = defineKind({
  group: extensions.group,
  categories: extensions.categories,
  versions: [{ name: 'v1alpha1', storage: true }],
  kind: 'TrafficExtension',
  plural: 'trafficextensions',
  description: 'A WebAssembly or Lua extension of proxies. Fairlead does not support it.',
  spec: trafficExtensionSpec,
  status: istioStatus,
  checkFields: checkTrafficExtension,
})
