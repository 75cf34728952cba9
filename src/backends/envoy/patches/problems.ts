// What is wrong with EnvoyFilters, as far as only those can tell who know Envoy's types.
import { type DescMessage, type Message } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { type EnvoyFilterPatch, istioKinds, readEnvoyFilter } from '../../../mesh/index.ts'
import type { Problem } from '../../../report/index.ts'
import { collect, groupKind, type KubeObject, type Place, refOf } from '../../../resources/index.ts'
import { isApplyTo, patchSchemas } from './patch.ts'
import { readPatchValue } from './value.ts'

/** Problems of one EnvoyFilter beside those that its kind's own checks find; none for objects of other kinds. */
export function envoyFilterProblems(object: KubeObject, cluster: string): Problem[] {
  if (groupKind(object) !== istioKinds.envoyFilter) return []
  const { configPatches } = readEnvoyFilter(object, cluster).sound
  return collect(refOf(cluster, object), (root) =>
    root.field('spec').field('configPatches').each(configPatches, checkPatch),
  )
}

function checkPatch(place: Place, { applyTo = 'INVALID', match, patch }: EnvoyFilterPatch): void {
  if (match?.context === 'WAYPOINT') {
    place.field('match').field('context').warn('there are no waypoints; the patch has no effect', 'not-supported')
    return
  }
  if (applyTo === 'BOOTSTRAP')
    place.field('applyTo').warn('what proxies start with is not patched; the patch has no effect', 'not-supported')
  if (!isApplyTo(applyTo) || patch?.value === undefined) return
  const at = place.field('patch').field('value')
  const { message, faults } = readPatchValue(patchSchemas[applyTo], patch.value)
  for (const { path, severity, message: text } of faults) {
    const there = path === '' ? at : at.within(path)
    if (severity === 'error') there.error(text)
    else there.warn(text, text.includes('no such field') ? 'unknown-field' : 'no-effect')
  }
  if (message)
    for (const name of withoutSettings(patchSchemas[applyTo], message))
      at.warn(`${name === '' ? 'a filter' : name} is named without typed_config, by which Envoy finds it`)
}

/** Names of extensions without settings: Envoy looks them up by type, no longer by name. */
function withoutSettings(desc: DescMessage, message: Message): string[] {
  const own = reflect(desc, message)
  const settings = own.fields.filter(({ name }) => name === 'typed_config' || name === 'config_discovery')
  const isMissing = settings.some(({ name }) => name === 'typed_config') && !settings.some((field) => own.isSet(field))
  const within = own.fields.flatMap((field) =>
    field.fieldKind === 'message' && own.isSet(field) ? withoutSettings(field.message, own.get(field).message) : [],
  )
  return [...within, ...(isMissing && 'name' in message && typeof message.name === 'string' ? [message.name] : [])]
}
