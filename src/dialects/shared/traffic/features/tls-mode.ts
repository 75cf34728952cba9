import type { RuleFeature } from './feature.ts'

/** How callers speak to the service: with the mesh's identity, or without. */
export const tlsMode: RuleFeature<'tlsMode'> = {
  field: 'tlsMode',
  emit: (mode) => ({ tls: { mode } }),
}
