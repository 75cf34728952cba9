export { evaluated, evaluatedJson, type JsonResources, type ProxyFacts } from './evaluated.ts'
export { defineFronts, type Front } from './fronts.ts'
export { type AskingProxy, type Demandable, defineDemandable } from './on-demand.ts'
export { type StaticMesh, staticMesh } from './static-mesh.ts'
