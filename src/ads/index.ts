export type { EncodedResource, ProxyNode, ProxyResources, ResourceChange, ResourceSource } from './resource.ts'
