import type { Place } from '../check.ts'
import { checkAttachment } from './selector-check.ts'
import type { TrafficExtension, WasmModule, WasmPlugin } from './wasm-plugin.ts'

export function checkWasmPlugin(root: Place, { spec }: WasmPlugin): void {
  if (spec === undefined) return
  const place = root.field('spec')
  checkAttachment(place, spec)
  checkModule(place, spec)
}

export function checkTrafficExtension(root: Place, { spec }: TrafficExtension): void {
  if (spec === undefined) return
  const place = root.field('spec')
  checkAttachment(place, spec)
  if (spec.wasm !== undefined) checkModule(place.field('wasm'), spec.wasm)
}

function checkModule(place: Place, { url, vmConfig }: WasmModule): void {
  const fault = faultOfUrl(url)
  if (fault !== undefined) place.field('url').error(fault)
  place
    .field('vmConfig')
    .field('env')
    .each(vmConfig?.env, (at, { valueFrom, value }) => {
      if (valueFrom === 'HOST' && value !== undefined) at.field('value').error('goes with valueFrom INLINE only')
    })
}

const schemes = ['http', 'https', 'file', 'oci']

/** An image needs no scheme: `registry/name:tag` is one too. */
function faultOfUrl(url: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme !== undefined)
    return schemes.includes(scheme)
      ? undefined
      : `must begin with one of ${schemes.join(', ')}, not ${JSON.stringify(scheme)}`
  const isImage = /^([\w.~!$&'()*+,;=\u0080-\uffff-]+|\[[\da-f:.]+\])(:\d*)?([/?#]|$)/i.test(url)
  return url.startsWith('/') || isImage ? undefined : `${JSON.stringify(url)} is no URL`
}
