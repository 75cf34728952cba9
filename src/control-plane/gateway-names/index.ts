export { GatewayNames } from './gateway-names.ts'
export { resolveName } from './resolve.ts'
export { defineGatewayNames } from './wanted.ts'
