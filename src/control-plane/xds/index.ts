export type { ClusterFacts } from './object-tables.ts'
export { ObjectTables } from './object-tables.ts'
export { TrackedWorlds } from './tracked-world.ts'
