export { type PatchTarget, type ProxyPatches, patchesOf, patchTargets, readEnvoyFilter } from './select.ts'
