export {
  ConfigureError,
  type ConfigureOptions,
  configureMachine,
  requestToken,
  writeMachineFiles,
} from './configure.ts'
export { type MachineInput, type MachineProof, machineFileNames, machineFiles } from './files.ts'
export { type Machine, MachineFilesError, readMachine } from './machine.ts'
export {
  autoRegistration,
  identityOf,
  type MachineIdentity,
  mayJoin,
  type TokenIssuer,
  tokenIssuersOf,
  withLabels,
} from './onboarding.ts'
