// All drills, by name.
import { changes } from './changes.ts'
import type { Drill } from './drill.ts'
import { faults } from './faults.ts'
import { shapes } from './shapes.ts'

export const drills: readonly Drill[] = [...faults, ...changes, ...shapes]

/** What the suite runs. */
export const matrix = drills.filter(({ byHand }) => !byHand)
