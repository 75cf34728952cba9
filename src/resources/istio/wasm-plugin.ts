import type { Place } from '../check.ts'
import { defineKind } from '../kind.ts'
import { anyObject } from '../schema.ts'
import { extensions } from './group.ts'
import { istioStatus } from './status.ts'

const wasmPluginSpec = anyObject()

// Known, so that it can be applied and its owner told that nothing comes of it.
function reportUnsupported(root: Place): void {
  root.warn('Fairlead runs no extensions of this kind; the object has no effect', 'not-supported')
}

export const wasmPluginKind = defineKind({
  group: extensions.group,
  categories: extensions.categories,
  versions: [{ name: 'v1alpha1', storage: true }],
  kind: 'WasmPlugin',
  plural: 'wasmplugins',
  description: 'A WebAssembly extension of proxies. Fairlead does not support it.',
  spec: wasmPluginSpec,
  status: istioStatus,
  checkFields: reportUnsupported,
})

export const trafficExtensionKind = defineKind({
  group: extensions.group,
  categories: extensions.categories,
  versions: [{ name: 'v1alpha1', storage: true }],
  kind: 'TrafficExtension',
  plural: 'trafficextensions',
  description: 'A WebAssembly or Lua extension of proxies. Fairlead does not support it.',
  spec: wasmPluginSpec,
  status: istioStatus,
  checkFields: reportUnsupported,
})
