export type { AuthorityRow } from '../identity/index.ts'
export { type Address, type ControlPlane, type ServeOptions, serve } from './assemble.ts'
export { type Log, makeLog } from './log.ts'
export type { ConfigurationKind, GivenResource, ProxyConfiguration, ProxyRow } from './xds/index.ts'
