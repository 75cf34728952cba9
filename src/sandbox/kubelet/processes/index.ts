export {
  findProgram,
  type ProcessExit,
  type ProcessOptions,
  ProcessTable,
  type RunningProcess,
  StartError,
} from './start.ts'
