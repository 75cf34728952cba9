export type { TerminalProcess } from './exec.ts'
export { type KubeletServerOptions, type PodRuntime, startKubeletServer } from './server.ts'
