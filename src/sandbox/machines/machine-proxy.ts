// What a machine's files say → how its Envoy is started.

import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { Machines } from '../../mesh/index.ts'
import type { Machine } from '../../vm/index.ts'
import { heldCertificate, type InboundPort, type ProxyOptions } from '../sidecar/index.ts'

/** Where on this computer the machine stands. */
export interface MachinePlace {
  readonly envoyPath: string
  /** For bootstrap, certificates and logs. */
  readonly directory: string
  /** Where its Envoy listens, and calls come from. */
  readonly address: string
  /** Where its programs listen. */
  readonly programAddress: string
  readonly ports: readonly InboundPort[]
  /** Where other machines are, itself included, if not at the addresses that the mesh knows. */
  readonly machines: Machines
  readonly locality: ProxyOptions['locality']
  readonly log: (line: string) => void
}

/** The proxy of a machine. `name` tells it apart from other machines of its group. */
export function machineProxy(machine: Machine, name: string, place: MachinePlace): ProxyOptions {
  const { machines, programAddress, ...where } = place
  return {
    ...where,
    role: 'sidecar',
    appAddress: programAddress,
    knownAs: machine.address ?? place.address,
    machines,
    pod: {
      name,
      namespace: machine.namespace,
      labels: machine.labels,
      annotations: {},
      serviceAccount: machine.serviceAccount,
      nodeName: '',
      workloadName: machine.name,
    },
    cluster: machine.cluster,
    network: machine.network,
    metadata: {
      ...machine.metadata,
      // So the control plane knows that it will be told of the program's health.
      ...(machine.probe && { PROXY_CONFIG: { readinessProbe: machine.probe } }),
    },
    xds: { address: machine.controlPlane, rootFile: machine.files.roots },
    token: async () => readIfThere(machine.files.token)?.trim(),
    certificate: () => unexpired(heldCertificate(place.directory)) ?? unexpired(givenCertificate(machine)),
  }
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

interface Certificate {
  readonly chain: string
  readonly key: string
}

/** What an operator put there in place of a token. */
function givenCertificate({ files }: Machine): Certificate | undefined {
  const [chain, key] = [readIfThere(files.chain), readIfThere(files.key)]
  return chain === undefined || key === undefined ? undefined : { chain, key }
}

/** Whether it can still prove who we are. Throws if it is no certificate at all. */
function unexpired(certificate: Certificate | undefined): Certificate | undefined {
  if (!certificate) return undefined
  return Date.parse(new X509Certificate(certificate.chain).validTo) > Date.now() ? certificate : undefined
}
