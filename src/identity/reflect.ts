// The least of `reflect-metadata` that tsyringe (inside @peculiar/x509) asks for when it is loaded: metadata by target,
// property and key. Import this before @peculiar/x509.
type Target = object
type Property = string | symbol | undefined

const metadata = new WeakMap<Target, Map<Property, Map<unknown, unknown>>>()

const additions = {
  defineMetadata(key: unknown, value: unknown, target: Target, property?: Property): void {
    const ofTarget = metadata.get(target) ?? new Map<Property, Map<unknown, unknown>>()
    metadata.set(target, ofTarget)
    const ofProperty = ofTarget.get(property) ?? new Map<unknown, unknown>()
    ofTarget.set(property, ofProperty)
    ofProperty.set(key, value)
  },
  getOwnMetadata(key: unknown, target: Target, property?: Property): unknown {
    return metadata.get(target)?.get(property)?.get(key)
  },
  getMetadata(key: unknown, target: Target, property?: Property): unknown {
    for (let at: unknown = target; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
      const found = metadata.get(at as Target)?.get(property)
      if (found?.has(key)) return found.get(key)
    }
    return undefined
  },
}

for (const [name, value] of Object.entries(additions)) {
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value, configurable: true, writable: true })
}
