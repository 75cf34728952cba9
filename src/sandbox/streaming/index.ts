export { type KubeletServerOptions, type PodRuntime, startKubeletServer } from './server.ts'
