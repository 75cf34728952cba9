// What is applied in the clusters of the drills.
import { join } from 'node:path'
import type { Rule } from './drill.ts'

type KubeObject = Readonly<Record<string, unknown>>

const istio = 'networking.istio.io/v1'

/** Files that the program and its probe look at. */
export interface ServiceFiles {
  readonly ledger: string
  readonly refuse: string
  readonly unready: string
}

/** The service, HTTP on port 80 and gRPC on 9000, with one pod. */
export function serviceObjects(namespace: string, { ledger, refuse, unready }: ServiceFiles): KubeObject[] {
  const labels = { app: 'shop' }
  const container = {
    name: 'shop',
    image: 'google-samples/hello-app:1.0',
    command: [process.execPath, join(import.meta.dirname, 'program.mjs')],
    ports: [
      { name: 'http', containerPort: 8080 },
      { name: 'grpc', containerPort: 9000 },
    ],
    env: [
      { name: 'DRILL_LEDGER', value: ledger },
      { name: 'DRILL_REFUSE', value: refuse },
    ],
    readinessProbe: { exec: { command: ['test', '!', '-e', unready] }, periodSeconds: 1, failureThreshold: 1 },
  }
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'grpc', port: 9000, targetPort: 9000 },
  ]
  const template = { metadata: { labels }, spec: { containers: [container] } }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'istio-injection': 'enabled' } } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop', namespace, labels },
      spec: { selector: labels, ports },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop', namespace, labels },
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    },
  ]
}

/** Lets requests from outside in, whatever host they name. */
export function frontObjects(host: string): KubeObject[] {
  const server = { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }
  const route = [{ destination: { host, port: { number: 80 } } }]
  return [
    {
      apiVersion: istio,
      kind: 'Gateway',
      metadata: { name: 'front', namespace: 'shop' },
      spec: { selector: { istio: 'ingressgateway' }, servers: [server] },
    },
    {
      apiVersion: istio,
      kind: 'VirtualService',
      metadata: { name: 'front', namespace: 'shop' },
      spec: { hosts: ['*'], gateways: ['front'], http: [{ route }] },
    },
  ]
}

/** The rule of a drill, for the callers of `east`. */
export function ruleObjects(rule: Rule, host: string): KubeObject[] {
  const metadata = { name: 'shop', namespace: 'shop' }
  const locality = rule === 'even' ? { distribute: [{ from: 'eu', to: { eu: 50, us: 50 } }] } : { enabled: true }
  const trafficPolicy = { outlierDetection: {}, loadBalancer: { localityLbSetting: locality } }
  const retries = rule === 'local-first-with-try-timeout' ? { retries: { attempts: 4, perTryTimeout: '0.5s' } } : {}
  const toPort = (number: number, more: object = {}): object => ({
    match: [{ port: number }],
    route: [{ destination: { host, port: { number } } }],
    ...more,
  })
  const rungs = ['east', 'west', 'south'].map((name) => ({ name, members: [{ clusters: [name] }] }))
  return [
    { apiVersion: istio, kind: 'DestinationRule', metadata, spec: { host, trafficPolicy } },
    {
      apiVersion: istio,
      kind: 'VirtualService',
      metadata,
      spec: { hosts: [host], http: [toPort(80, retries), toPort(9000)] },
    },
    ...(rule === 'ordered'
      ? [{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'Failover', metadata, spec: { hosts: ['shop'], rungs } }]
      : []),
  ]
}
