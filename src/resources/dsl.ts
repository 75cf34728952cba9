// What kinds are defined with. (The door, index.ts, lists all kinds, so the kinds themselves cannot come in by it.)
export type { Place } from './check.ts'
export { durationMs } from './duration.ts'
export { defineKind, type KindDefinition } from './kind.ts'
export * from './lenient.ts'
export * from './schema.ts'
