export { type Code, codes } from './codes.ts'
export { acceptedCondition, acceptedType, type Condition, reasonOf } from './conditions.ts'
export { compareRefs, formatRef, type ObjectRef } from './object-ref.ts'
export { compareProblems, type Problem, type Report, type Severity } from './problem.ts'
