import type { Place } from '../check.ts'
import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { map, object, oneOf, type Static } from '../schema.ts'
import { security, securityVersions } from './group.ts'
import { workloadSelector } from './selector.ts'
import { checkWorkloadSelector } from './selector-check.ts'
import { istioStatus } from './status.ts'

const mutualTls = object({ mode: oneOf(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']) })

export const peerAuthenticationSpec = object(
  {
    selector: workloadSelector,
    mtls: mutualTls,
    portLevelMtls: map(mutualTls, {
      minProperties: 1,
      rules: [
        { rule: 'self.all(key, 0 < int(key) && int(key) <= 65535)', message: 'ports must be between 1 and 65535' },
      ],
      description: "Per port of the workload; not the service's port.",
    }),
  },
  {
    rules: [
      {
        rule: '!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0)',
        message: 'portLevelMtls needs a selector with labels',
      },
    ],
  },
)

export type MtlsMode = NonNullable<Static<typeof mutualTls>['mode']>
export type PeerAuthenticationSpec = Static<typeof peerAuthenticationSpec>
export type PeerAuthentication = KubeObject<PeerAuthenticationSpec, Static<typeof istioStatus>>

function checkPeerAuthentication(root: Place, { spec = {} }: PeerAuthentication): void {
  const at = root.field('spec')
  checkWorkloadSelector(at.field('selector'), spec.selector)
  const ports = Object.keys(spec.portLevelMtls ?? {})
  const place = at.field('portLevelMtls')
  if (spec.portLevelMtls !== undefined && ports.length === 0) place.error('must name at least one port')
  if (ports.length > 0 && Object.keys(spec.selector?.matchLabels ?? {}).length === 0)
    place.error('only a policy with a selector can set modes per port')
  for (const port of ports)
    if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535)
      place.field(port).error(`${JSON.stringify(port)} is no port: must be between 1 and 65535`)
}

export const peerAuthenticationKind = defineKind({
  group: security.group,
  categories: security.categories,
  versions: securityVersions,
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortNames: ['pa'],
  description: 'Whether workloads accept mutual TLS, plaintext or both.',
  spec: peerAuthenticationSpec,
  status: istioStatus,
  printerColumns: [{ name: 'Mode', type: 'string', jsonPath: '.spec.mtls.mode', description: 'Mode of mutual TLS.' }],
  checkFields: checkPeerAuthentication,
})
