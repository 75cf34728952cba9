export { type HealthOptions, watchHealth } from './health.ts'
export { filesFolder, type MachineOptions, SandboxMachine } from './machine.ts'
export { type MachinePlace, machineProxy } from './machine-proxy.ts'
export { type MachineProgram, machineAnnotation, machineProgram } from './program.ts'
