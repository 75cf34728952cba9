// Events: one store, seen as core/v1 and as events.k8s.io/v1.

import { invalid } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { textAt } from '../json.ts'
import type { Strategy } from '../resource.ts'

/** Field of the core kind → field of events.k8s.io; the others have one name in both. */
const renamed: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
]

function rename(object: JsonObject, pairs: readonly (readonly [string, string])[], apiVersion: string): JsonObject {
  const names = new Map(pairs)
  const out: JsonObject = {}
  for (const [key, value] of Object.entries(object)) out[names.get(key) ?? key] = value
  out['apiVersion'] = apiVersion
  return out
}

export const eventToNewGroup = (object: JsonObject): JsonObject => rename(object, renamed, 'events.k8s.io/v1')
export const eventToCore = (object: JsonObject): JsonObject =>
  rename(
    object,
    renamed.map(([core, other]) => [other, core] as const),
    'v1',
  )

export const coreEventStrategy: Strategy = {
  createOnUpdate: true,
  validate(event) {
    const namespace = textAt(event, 'metadata', 'namespace')
    const involved = textAt(event, 'involvedObject', 'namespace')
    if (involved ? involved !== namespace : namespace !== 'default' && namespace !== 'kube-system') {
      return [invalid('involvedObject.namespace', involved, 'does not match event.namespace')]
    }
    return []
  },
}

export const newEventStrategy: Strategy = { createOnUpdate: true }

const involved =
  (key: string) =>
  (event: JsonObject): string =>
    textAt(event, 'involvedObject', key)
const own =
  (key: string) =>
  (event: JsonObject): string =>
    textAt(event, key)

export const eventFields = {
  ...Object.fromEntries(
    ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((key) => [
      `involvedObject.${key}`,
      involved(key),
    ]),
  ),
  reason: own('reason'),
  type: own('type'),
  reportingComponent: own('reportingComponent'),
  source: (event: JsonObject): string => textAt(event, 'source', 'component') || textAt(event, 'reportingComponent'),
}

export const newEventFields = {
  ...Object.fromEntries(
    ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((key) => [
      `regarding.${key}`,
      (event: JsonObject): string => textAt(event, 'regarding', key),
    ]),
  ),
  reason: own('reason'),
  type: own('type'),
  reportingController: own('reportingController'),
}
