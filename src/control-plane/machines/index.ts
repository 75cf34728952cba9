export { MachineRegistrar, type RegistrarOptions } from './registrar.ts'
