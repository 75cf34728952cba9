export type { Image } from './image.ts'
export { findImage, knownImages, type Launch, type LaunchRequest, launchOf } from './launch.ts'
export { preparePrograms } from './prepare.ts'
export type { ProgramFault } from './programs/serve.ts'
