// networking.enterprise.mesh.gloo.solo.io: VirtualDestination.
import { anyObject, list, map, object, type Place, type Static, string, uint32 } from '../dsl.ts'
import { checkDestinationSelectors, checkRef } from './checks.ts'
import {
  approvalStatus,
  clusterObjectRef,
  commonStatus,
  defineKind,
  destinationSelectors,
  objectRef,
  spec,
  stateColumn,
  v1beta1,
} from './common.ts'
import { outlierDetection } from './policy.ts'

const locality = object({ region: string(), zone: string(), subZone: string() })

const virtualDestinationSpec = spec(
  {
    hostname: string({ description: 'Host name that clients use.' }),
    port: object(
      { number: uint32(), protocol: string(), targetName: string(), targetNumber: uint32() },
      { atMostOne: [['targetName', 'targetNumber']] },
    ),
    virtualMesh: objectRef(),
    meshList: object({ meshes: list(objectRef()) }),
    static: object({ destinations: list(object({ kubeService: clusterObjectRef() })) }),
    localized: object({
      destinationSelectors,
      failoverDirectives: list(object({ from: locality, to: list(locality) })),
      outlierDetection,
    }),
  },
  {
    atMostOne: [
      ['virtualMesh', 'meshList'],
      ['static', 'localized'],
    ],
  },
)

export const virtualDestination = defineKind({
  group: 'networking.enterprise.mesh.gloo.solo.io',
  versions: v1beta1,
  categories: ['gloo-mesh'],
  kind: 'VirtualDestination',
  plural: 'virtualdestinations',
  shortNames: ['vd'],
  description: 'A global service that fails over between clusters, by locality or in a fixed order.',
  spec: virtualDestinationSpec,
  status: object({
    ...commonStatus,
    meshes: map(approvalStatus),
    selectedDestinations: list(object({ ref: clusterObjectRef(), destination: anyObject() })),
    requiredSubsets: list(anyObject()),
  }),
  printerColumns: [stateColumn, { name: 'Host', type: 'string', jsonPath: '.spec.hostname' }],
  checkFields: (root, { spec: value }) => value && checkVirtualDestination(root.field('spec'), value),
})

export type VirtualDestinationSpec = Static<typeof virtualDestinationSpec>

const hostPattern = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

function checkVirtualDestination(place: Place, value: VirtualDestinationSpec): void {
  const { hostname = '', port, virtualMesh, meshList, static: fixed, localized } = value
  if (hostname === '') place.field('hostname').error('Required value', 'required')
  else if (!hostPattern.test(hostname)) place.field('hostname').error(`${JSON.stringify(hostname)} is not a DNS name`)
  if (!port?.number) place.field('port').field('number').error('Required value', 'required')
  if (virtualMesh === undefined && meshList === undefined)
    place.error('virtualMesh or meshList must be set', 'required')
  if (virtualMesh !== undefined) checkRef(place.field('virtualMesh'), virtualMesh, ['name', 'namespace'])
  if (fixed === undefined && localized === undefined) place.error('static or localized must be set', 'required')
  const destinations = place.field('static').field('destinations')
  destinations.each(fixed?.destinations, (at, { kubeService }) =>
    checkRef(at.field('kubeService'), kubeService, ['name', 'namespace', 'clusterName']),
  )
  const local = place.field('localized')
  checkDestinationSelectors(local.field('destinationSelectors'), localized?.destinationSelectors)
  local.field('failoverDirectives').each(localized?.failoverDirectives, checkDirective)
}

type Directive = NonNullable<NonNullable<VirtualDestinationSpec['localized']>['failoverDirectives']>[number]

/** Istio's failover goes from one region to one other; within a region the nearest zone comes next anyway. */
function checkDirective(place: Place, { from, to = [] }: Directive): void {
  if (!from?.region) place.field('from').field('region').warn('without a region the directive has no effect')
  if (from?.zone || from?.subZone || to.some(({ zone, subZone }) => zone || subZone))
    place.warn('zones have no effect: failover is from region to region, and the nearest zone comes first')
  const regions = new Set(to.flatMap(({ region }) => (region && region !== from?.region ? [region] : [])))
  if (regions.size > 1) place.field('to').warn(`only ${[...regions][0]} is preferred; the others are equal behind it`)
}
