import { meshConfigOf, type Service, type World } from '../discovery/index.ts'

/** Who sees an object: everybody, nobody, or the namespaces of the set. */
export type Audience = 'all' | 'none' | ReadonlySet<string>

/** `exportTo` as a set of namespaces; `defaults` stands where it is not written. */
export function audienceOf(
  exportTo: readonly string[] | undefined,
  defaults: readonly string[] | undefined,
  namespace: string,
): Audience {
  const said = exportTo !== undefined && exportTo.length > 0 ? exportTo : (defaults ?? ['*'])
  if (said.includes('*')) return 'all'
  if (said.includes('~')) return 'none'
  return new Set(said.map((name) => (name === '.' ? namespace : name)))
}

export function sees(audience: Audience, namespace: string): boolean {
  return audience === 'all' || (audience !== 'none' && audience.has(namespace))
}

export function serviceVisible(world: World, service: Service, namespace: string): boolean {
  return sees(audienceOf(service.exportTo, meshConfigOf(world).defaultServiceExportTo, service.namespace), namespace)
}
