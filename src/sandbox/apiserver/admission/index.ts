// What is decided about a change beside the rules of its kind: namespaces that end, service accounts, webhooks.
import type { Call } from '../core.ts'
import type { JsonObject } from '../json.ts'
import type { DeleteOptions } from '../rest/delete.ts'
import type { WriteOptions } from '../rest/options.ts'
import { admitIntoDefinition, admitIntoNamespace } from './namespace.ts'
import { admitPod } from './pod.ts'

export async function admitCreate(call: Call, next: JsonObject, _options: WriteOptions): Promise<void> {
  admitIntoNamespace(call, next)
  admitIntoDefinition(call, next)
  if (call.resource.storage === '/pods') admitPod(call, next)
}

export async function admitUpdate(
  _call: Call,
  _old: JsonObject,
  _next: JsonObject,
  _options: WriteOptions,
): Promise<void> {}

export async function admitDelete(_call: Call, _object: JsonObject, _options: DeleteOptions): Promise<void> {}
