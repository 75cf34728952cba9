import { expect, it } from 'vitest'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import { ClusterFacts } from './facts.ts'

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name: 'cart' },
  spec: { selector: { app: 'cart' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
} as KubeObject

const machine = (spec: object): KubeObject =>
  ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { namespace: 'shop', name: 'cart-1' },
    spec: { address: '10.0.0.1', ...spec },
  }) as KubeObject

function labelsOf(entry: KubeObject): readonly unknown[] {
  const objects = new Map([service, entry].map((each) => [groupKind(each), new Map([[each.metadata.name, each]])]))
  const facts = new ClusterFacts('east', { name: 'east', objects })
  return [...facts.services.values()].flatMap((found) => facts.endpoints(found, () => ({}))).map(({ labels }) => labels)
}

it('says of machines with an identity that they take mutual TLS, as the labels of pods do', () => {
  const labels = { app: 'cart' }
  const mutual = 'security.istio.io/tlsMode'
  expect(labelsOf(machine({ labels, serviceAccount: 'cart' }))).toEqual([{ ...labels, [mutual]: 'istio' }])
  expect(labelsOf(machine({ labels }))).toEqual([labels])
  const plain = { ...labels, [mutual]: 'disabled' }
  expect(labelsOf(machine({ labels: plain, serviceAccount: 'cart' }))).toEqual([plain])
})
