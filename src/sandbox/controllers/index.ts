export { portMapAnnotation } from './endpoints/ports.ts'
export { type ControllersOptions, type RunningControllers, runControllers } from './run.ts'
export type { Controller, ControllerContext } from './runtime/controller.ts'
