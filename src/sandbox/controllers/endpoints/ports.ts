import type { EndpointPort, Pod, ServicePort } from '../kinds.ts'

/**
 * Annotation of a pod: JSON object of container port → port that is really open, for ports that an ordinary user
 * cannot bind (`{"80": 10080}`). Written by whoever runs the pod; endpoints carry the real number.
 */
export const portMapAnnotation = 'fairlead.dev/port-map'

/** Real numbers of container ports that are shifted. A broken annotation shifts nothing. */
export function portMapOf(pod: Pod): Readonly<Record<string, number>> {
  const text = pod.metadata.annotations?.[portMapAnnotation]
  if (text === undefined) return {}
  try {
    const map: unknown = JSON.parse(text)
    if (typeof map !== 'object' || map === null) return {}
    return Object.fromEntries(Object.entries(map).filter(([, port]) => Number.isInteger(port)))
  } catch {
    return {}
  }
}

/** The ports under which `pod` serves a service's ports; one whose name the pod does not have is left out. */
export function portsOn(pod: Pod, ports: readonly ServicePort[]): EndpointPort[] {
  const shifted = portMapOf(pod)
  return ports.flatMap((servicePort) => {
    const declared = targetPort(pod, servicePort)
    if (declared === undefined) return []
    return [
      {
        name: servicePort.name ?? '',
        port: shifted[String(declared)] ?? declared,
        protocol: servicePort.protocol ?? 'TCP',
        ...(servicePort.appProtocol === undefined ? {} : { appProtocol: servicePort.appProtocol }),
      },
    ]
  })
}

function targetPort(pod: Pod, servicePort: ServicePort): number | undefined {
  const target = servicePort.targetPort ?? servicePort.port
  if (typeof target === 'number') return target === 0 ? servicePort.port : target
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const port of container.ports ?? []) {
      if (port.name === target && (port.protocol ?? 'TCP') === (servicePort.protocol ?? 'TCP'))
        return port.containerPort
    }
  }
  return undefined
}
