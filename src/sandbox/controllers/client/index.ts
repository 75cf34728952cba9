export { answerOf, type DeleteOptions, isApiError, KubeApi, type PatchType, type Propagation } from './api.ts'
export { type DiscoveredResource, discoverResources } from './discovery.ts'
export { apiVersionOf, type Resource, resourceId, resources } from './resources.ts'
export { Store, type StoreListener } from './store.ts'
