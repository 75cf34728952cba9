export { type EnvoyBinary, type FindEnvoyOptions, findEnvoy } from './find.ts'
export { pinnedVersion } from './pins.ts'
export { EnvoyProblem, type EnvoyProblemCode } from './problem.ts'
