export { clientCluster, clientEndpoints, nowhere } from './clusters.ts'
export { clientListener, serverListeners } from './listeners.ts'
export { dialledNames, isProxyless, routesName } from './names.ts'
export { clientRoutes } from './routes.ts'
