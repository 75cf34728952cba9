export { type AddressRanges, realPorts } from './addresses.ts'
export { type KubeletOptions, type PodInfo, type RunningKubelet, startKubelet } from './kubelet.ts'
export { lowPortsOn } from './launch.ts'
export type { ProxyPlan } from './site.ts'
