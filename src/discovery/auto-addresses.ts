import { compareText, sameStructure } from '../lib/index.ts'
import { kinds, type ServiceEntryObject } from './kube-types.ts'
import { type World, worldQuery } from './world.ts'

// Addresses for ServiceEntry hosts that have none: 240.240.0.0/16 and 2001:2::/48 reach nothing outside of a pod.

const slots = 255 * 254

/**
 * The addresses that the mesh gave a host of a ServiceEntry: those in its status (Istio's allocator, or ours, wrote
 * them), else ones that follow from the names of all such hosts, so that every replica comes to the same.
 */
export function autoAddresses(world: World, entry: ServiceEntryObject, host: string): readonly string[] {
  if (!takesAutoAddress(entry, host)) return []
  const written = (entry.status?.addresses ?? []).filter((each) => each.host === host && each.value)
  if (written.length > 0) return written.flatMap(({ value }) => value ?? [])
  const slot = world.get(slotsOfHosts, undefined).get(slotKey(entry, host))
  return slot === undefined ? [] : slotAddresses(slot)
}

function takesAutoAddress({ metadata, spec }: ServiceEntryObject, host: string): boolean {
  const optedOut = metadata.labels?.['networking.istio.io/enable-autoallocate-ip']?.toLowerCase() === 'false'
  const resolved = spec?.resolution !== undefined && spec.resolution !== 'NONE'
  return resolved && !optedOut && (spec?.addresses ?? []).length === 0 && !host.startsWith('*')
}

function slotKey(entry: ServiceEntryObject, host: string): string {
  return `${entry.metadata.namespace}/${host}`
}

/** A slot for each host that takes one. A host keeps its slot unless one sorting before it hashes to the same. */
const slotsOfHosts = worldQuery(
  'discovery/auto-address-slots',
  (world): ReadonlyMap<string, number> => {
    const entries = world.objects(world.primary, kinds.serviceEntry) as readonly ServiceEntryObject[]
    const keys = entries.flatMap((entry) =>
      (entry.spec?.hosts ?? []).filter((host) => takesAutoAddress(entry, host)).map((host) => slotKey(entry, host)),
    )
    const taken = new Map<number, string>()
    const found = new Map<string, number>()
    for (const key of [...new Set(keys)].sort(compareText).slice(0, slots)) {
      let slot = hash(key) % slots
      while (taken.has(slot)) slot = (slot + 1) % slots
      taken.set(slot, key)
      found.set(key, slot)
    }
    return found
  },
  { equals: sameStructure },
)

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0
  return value
}

/** Neither .0 nor .255 is used as the last byte. */
function slotAddresses(slot: number): readonly string[] {
  const [third, fourth] = [Math.floor(slot / 254), (slot % 254) + 1]
  return [`240.240.${third}.${fourth}`, `2001:2::f0f0:${third.toString(16)}${fourth.toString(16).padStart(2, '0')}`]
}
