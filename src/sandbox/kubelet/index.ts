export type { AddressRanges } from './addresses.ts'
export { type KubeletOptions, type PodInfo, type RunningKubelet, startKubelet } from './kubelet.ts'
export type { ProxyPlan } from './site.ts'
