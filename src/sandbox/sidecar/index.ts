export { isGateway, needsSidecar, proxyEnvironment } from './inject.ts'
export { injectionMarks, proxyContainer, proxyImage } from './marks.ts'
export { controlPlaneName, type InboundPort, type ProxyOptions, type ProxyPod, proxyPorts } from './options.ts'
export { type Proxy, type ProxyExit, startProxy } from './proxy.ts'
