// install.tetrate.io: what is installed in a cluster. Applied with kubectl, in the cluster itself.
import {
  anyObject,
  anyValue,
  boolean,
  defineKind,
  enumeration,
  integer,
  keepUnknownFields,
  list,
  object,
  protoDuration,
  type Static,
  string,
} from '../dsl.ts'
import { labels, status, v1alpha1 } from './common.ts'

const common = { group: 'install.tetrate.io', versions: v1alpha1, categories: ['tsb'], status }

const servicePort = object({
  name: string(),
  port: integer(),
  protocol: string(),
  targetPort: anyValue(),
  nodePort: integer(),
})

const overlay = object({
  apiVersion: string(),
  kind: string(),
  name: string(),
  patches: list(object({ path: string({ description: 'a.b[0].c; [-1] appends to a list.' }), value: anyValue() })),
})

const kubeSpec = object({
  deployment: anyObject({
    properties: {
      replicaCount: integer(),
      labels,
      annotations: labels,
      podAnnotations: labels,
      env: list(anyObject()),
    },
  }),
  service: anyObject({
    properties: { type: string(), ports: list(servicePort), labels, annotations: labels, loadBalancerIP: string() },
  }),
  serviceAccount: anyObject(),
  overlays: list(overlay),
})

const gatewayFields = {
  kubeSpec,
  connectionDrainDuration: protoDuration('How long a gateway that ends goes on serving what is open.'),
  revision: string(),
  concurrency: integer(),
} as const

const gatewaySpec = keepUnknownFields(object(gatewayFields))

export const installIngressGateway = defineKind({
  ...common,
  kind: 'IngressGateway',
  plural: 'ingressgateways',
  description: 'A gateway: its Deployment, Service and account, all of this name.',
  spec: keepUnknownFields(
    object({
      ...gatewayFields,
      eastWestOnly: boolean({ description: 'Only port 15443, for calls of other clusters.' }),
    }),
  ),
  checkFields: (root, { spec: value }) => value && checkAddresses(root.field('spec'), value),
})

export const installEgressGateway = defineKind({
  ...common,
  kind: 'EgressGateway',
  plural: 'egressgateways',
  description: 'A gateway for calls that leave the mesh.',
  spec: gatewaySpec,
})

export const installTier1Gateway = defineKind({
  ...common,
  kind: 'Tier1Gateway',
  plural: 'tier1gateways',
  description: 'A gateway in front of the gateways of other clusters.',
  spec: gatewaySpec,
  checkFields: (root, { spec: value }) => value && checkAddresses(root.field('spec'), value),
})

export const installGateway = defineKind({
  ...common,
  kind: 'Gateway',
  plural: 'gateways',
  description: 'A gateway of any type.',
  spec: keepUnknownFields(
    object({
      ...gatewayFields,
      type: enumeration(['UNIFIED', 'INGRESS', 'EGRESS', 'EASTWEST']),
      targetCluster: string(),
      targetNamespace: string(),
    }),
  ),
  checkFields: (root, { spec: value }) => value && checkAddresses(root.field('spec'), value),
})

export const controlPlane = defineKind({
  ...common,
  kind: 'ControlPlane',
  plural: 'controlplanes',
  description: 'The control plane of a cluster. What names a switch of the edge counts; the rest is kept.',
  spec: keepUnknownFields(
    object({
      hub: string(),
      mode: string(),
      managementPlane: anyObject({ properties: { host: string(), port: integer(), clusterName: string() } }),
      components: anyObject({
        properties: { xcp: anyObject({ properties: { kubeSpec, isolationBoundaries: list(anyObject()) } }) },
      }),
    }),
  ),
})

export const managementPlane = defineKind({
  ...common,
  kind: 'ManagementPlane',
  plural: 'managementplanes',
  description: 'The management plane; kept, and without effect: Fairlead is installed otherwise.',
  spec: keepUnknownFields(object({ hub: string(), organization: string(), components: anyObject() })),
})

/** Addresses at which other clusters reach a gateway, instead of those of its Service. */
export const externalAddressesAnnotation = 'xcp.tetrate.io/cluster-external-addresses'

type GatewayPlace = Parameters<typeof installGateway.checkFields>[0]

/** One address, several addresses, or one name; never several names or a mix. */
function checkAddresses(place: GatewayPlace, { kubeSpec: kube }: Static<typeof gatewaySpec>): void {
  const service = kube?.service as { annotations?: Record<string, string> } | undefined
  const text = service?.annotations?.[externalAddressesAnnotation]
  if (typeof text !== 'string') return
  const addresses = text.split(',').map((each) => each.trim())
  const names = addresses.filter((each) => !/^(\d+\.){3}\d+$|:/.test(each))
  const at = place.field('kubeSpec').field('service').field('annotations').field(externalAddressesAnnotation)
  if (addresses.includes('')) at.error(`Invalid value: ${JSON.stringify(text)}: an address is empty`)
  else if (names.length > 0 && addresses.length > 1)
    at.error(
      `Invalid value: ${JSON.stringify(text)}: must be one DNS name or any number of IP addresses, not ${names.length > 1 ? 'several names' : 'a mix of both'}`,
    )
}

export type InstallGatewaySpec = Static<typeof installGateway.spec> & { eastWestOnly?: boolean }
export type ControlPlaneSpec = Static<typeof controlPlane.spec>
