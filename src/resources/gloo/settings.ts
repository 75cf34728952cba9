// settings.mesh.gloo.solo.io
import { anyObject, boolean, list, map, object, type Place, type Static, string } from '../dsl.ts'
import { bothVersions, commonStatus, defineKind, labels, spec } from './common.ts'
import { tlsMode } from './policy.ts'

const extensionServer = object({ address: string(), insecure: boolean(), reconnectOnNetworkFailures: boolean() })

export const settings = defineKind({
  group: 'settings.mesh.gloo.solo.io',
  versions: bothVersions,
  categories: ['gloo-mesh'],
  kind: 'Settings',
  plural: 'settings',
  singular: 'settings',
  description: 'Settings of Gloo Mesh; the object named "settings" in the management namespace counts.',
  spec: spec({
    mtls: object({ istio: object({ tlsMode }) }),
    networkingExtensionServers: list(extensionServer),
    discovery: object({
      istio: object({
        ingressGatewayDetectors: map(object({ gatewayWorkloadLabels: labels, gatewayTlsPortName: string() }), {
          description: 'By cluster; "*" holds for all, and the entry of a cluster is merged over it.',
        }),
      }),
    }),
    relay: object({ enabled: boolean(), server: extensionServer }),
  }),
  status: object(commonStatus),
  checkFields: (root, { spec: value }) => value && checkSettings(root.field('spec'), value),
})

function checkSettings(place: Place, { networkingExtensionServers, relay }: SettingsSpec): void {
  if ((networkingExtensionServers ?? []).length > 0)
    place
      .field('networkingExtensionServers')
      .warn('not supported: no server outside of Fairlead may change what it writes', 'not-supported')
  if (relay?.enabled === true) place.field('relay').warn('has no effect: Fairlead talks to the clusters themselves')
}

export const dashboard = defineKind({
  group: 'settings.mesh.gloo.solo.io',
  versions: [{ name: 'v1', storage: true }],
  categories: ['gloo-mesh'],
  kind: 'Dashboard',
  plural: 'dashboards',
  shortNames: ['dash'],
  description: "Login of the original's dashboard; it has no effect on Fairlead's.",
  spec: anyObject(),
  status: object({ ...commonStatus }),
})

export type SettingsSpec = Static<typeof settings.spec>
