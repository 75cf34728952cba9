import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import type { WorkloadGroup } from '../resources/istio/index.ts'
import {
  autoRegistration,
  identityOf,
  type MachineIdentity,
  mayJoin,
  tokenIssuersOf,
  withLabels,
} from './onboarding.ts'

const group: WorkloadGroup = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadGroup',
  metadata: { name: 'ratings', namespace: 'bookinfo', labels: { app: 'ratings', tier: 'back' } },
  spec: { metadata: { labels: { app: 'ratings' } }, template: { serviceAccount: 'ratings-vm' } },
}
const issuer = 'https://issuer.example'
const machine: MachineIdentity = { issuer, subject: 'vm007.east', attributes: { region: 'east' } }

function policy(jwt: object, selector: object | undefined, namespace = 'bookinfo'): KubeObject {
  const onboardTo = [selector === undefined ? {} : { workloadGroupSelector: selector }]
  return {
    apiVersion: 'authorization.onboarding.tetrate.io/v1alpha1',
    kind: 'OnboardingPolicy',
    metadata: { name: 'p', namespace },
    spec: { allow: [{ workloads: [{ jwt: { issuer, ...jwt } }], onboardTo }] },
  }
}

describe('who may join', () => {
  it.each([
    ['any subject of an issuer, any group', policy({}, {}), true],
    ['a subject', policy({ subjects: ['vm007.east'] }, {}), true],
    ['another subject', policy({ subjects: ['vm008.east'] }, {}), false],
    ['another issuer', policy({ issuer: 'https://other.example' }, {}), false],
    ['attributes', policy({ attributes: [{ name: 'region', values: ['west', 'east'] }] }, {}), true],
    ['other attributes', policy({ attributes: [{ name: 'zone', values: ['a'] }] }, {}), false],
    ['labels of the group', policy({}, { matchLabels: { app: 'ratings' } }), true],
    ['labels of another group', policy({}, { matchLabels: { app: 'reviews' } }), false],
    ['an expression', policy({}, { matchExpressions: [{ key: 'tier', operator: 'In', values: ['back'] }] }), true],
    ['its opposite', policy({}, { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }), true],
    ['an unknown expression', policy({}, { matchExpressions: [{ key: 'tier', operator: 'Near' }] }), false],
    ['no selector', policy({}, undefined), false],
    ['another namespace', policy({}, {}, 'other'), false],
    [
      'machines of a cloud',
      { ...policy({}, {}), spec: { allow: [{ workloads: [{ aws: {} }], onboardTo: [{}] }] } },
      false,
    ],
  ])('by %s', (_name, object, expected) => {
    expect(mayJoin([object], group, machine)).toBe(expected)
  })

  it('nobody, where there is no policy', () => {
    expect(mayJoin([], group, machine)).toBe(false)
  })
})

it('issuers are those of the ControlPlane, and say where attributes are', () => {
  const tokenFields = { attributes: { jsonPath: '.custom.attributes' } }
  const jwt = { issuers: [{ issuer, shortName: 'my-corp', jwks: '{"keys": []}', tokenFields }] }
  const spec = { meshExpansion: { onboarding: { workloads: { authentication: { jwt } } } } }
  const metadata = { name: 'controlplane', namespace: 'istio-system' }
  const controlPlane = { apiVersion: 'install.tetrate.io/v1alpha1', kind: 'ControlPlane', metadata, spec }
  const [found] = tokenIssuersOf([controlPlane, { ...controlPlane, spec: {} }])
  expect(found).toMatchObject({ issuer, shortName: 'my-corp', jwks: '{"keys": []}' })
  const claims = { sub: 'vm007.east', custom: { attributes: { region: 'east' } } }
  expect(found && identityOf(claims, found)).toEqual(machine)
})

it('a machine that has joined is written down, under a name of its own', () => {
  const written = autoRegistration(
    group,
    { ...machine, subject: 'spiffe://Corp/vm 7' },
    { shortName: 'my-corp', address: '10.0.0.7' },
  )
  expect(written.metadata).toEqual({ name: 'ratings-jwt-my-corp-spiffe-corp-vm-7', namespace: 'bookinfo' })
  expect(written.spec).toMatchObject({ workloadGroup: { name: 'ratings' }, registration: { address: '10.0.0.7' } })
})

it('labels of the machine are added to those of its group', () => {
  expect(withLabels(group, { version: 'v5', app: 'thief' }).spec?.metadata?.labels).toEqual({
    version: 'v5',
    app: 'ratings',
  })
})
