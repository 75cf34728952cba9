export { CertAgent, type CertAgentOptions } from './agent.ts'
