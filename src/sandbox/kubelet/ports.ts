// Which ports a pod's programs open, and under which numbers and addresses others find them. Pure.
import { findImage, launchOf } from '../images/index.ts'
import { type InboundPort, proxyContainer } from '../sidecar/index.ts'
import { realPorts } from './addresses.ts'
import type { Container, Pod } from './types.ts'

/** TCP ports that a container opens: as declared, and as its image, arguments and plain variables say. */
export function portsOf(container: Container): readonly number[] {
  const declared = (container.ports ?? []).filter((p) => (p.protocol ?? 'TCP') === 'TCP').map((p) => p.containerPort)
  const image = findImage(container.image ?? '')
  if (!image) return declared
  const env = Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value]))
  const { command = [], args = [] } = container
  return launchOf(image, container.image ?? '', { command, args, env, declaredPorts: declared }).ports
}

export interface PodPorts {
  /** Port → number under which it is really open. */
  readonly real: ReadonlyMap<number, number>
  /** Of those, the ones that differ, as the annotation for endpoints has them; undefined if none does. */
  readonly shifted: string | undefined
}

export function podPorts(pod: Pod, lowPorts: 'free' | 'reserved'): PodPorts {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')
  const containers = [...(pod.spec?.containers ?? []), ...sidecars]
  const real = realPorts([...new Set(containers.flatMap(portsOf))], lowPorts)
  const moved = [...real].filter(([port, number]) => port !== number)
  return { real, shifted: moved.length === 0 ? undefined : JSON.stringify(Object.fromEntries(moved)) }
}

/** What the proxy of a pod opens for its programs. */
export function inboundPorts(ports: PodPorts, podIP: string, programIP: string): InboundPort[] {
  return [...ports.real].map(([port, number]) => ({ port, bind: `${podIP}:${number}`, app: `${programIP}:${number}` }))
}

/** Number of a port that is told by number or by name. */
export function portNumber(container: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port
  if (/^\d+$/.test(port)) return Number(port)
  return container.ports?.find((p) => p.name === port)?.containerPort
}

/** Whether a pod is nothing but a proxy: a gateway. */
export function isGateway(pod: Pod): boolean {
  const [only, ...others] = pod.spec?.containers ?? []
  return only !== undefined && others.length === 0 && isProxyImage(only) && !(only.args ?? []).includes('sidecar')
}

/** Whether a container of the pod spec is to be run as its sidecar: somebody else's injector has put it there. */
export function isSidecarContainer(container: Container): boolean {
  return container.name === proxyContainer && isProxyImage(container)
}

function isProxyImage(container: Container): boolean {
  return findImage(container.image ?? '')?.run.kind === 'proxy'
}
