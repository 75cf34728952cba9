import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../resources/index.ts'
import { referenceProblems } from './references.ts'

const told = (...documents: string[]): string[] =>
  referenceProblems(
    documents.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject)),
  ).map(({ path, message }) => `${path}: ${message}`)

const rule = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a, namespace: shop}, spec: {hosts: [a.example], gateways: [mesh, edge, other/edge], http: [{route: [{destination: {host: cart, subset: v1}}], mirror: {host: nobody.example}}], tcp: [{route: [{destination: {host: api.wild.example}}]}]}}`
const service = '{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {}}'
const wildcard =
  '{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: w, namespace: shop}, spec: {hosts: ["*.wild.example"]}}'
const gateway = '{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge, namespace: shop}, spec: {}}'
const subsets = (name: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d, namespace: shop}, spec: {host: cart, subsets: [{name: ${name}}]}}`

it('misses what other objects of the kind are there for', () => {
  expect(told(rule, service, wildcard, gateway, subsets('v2'))).toEqual([
    'spec.gateways[2]: there is no Gateway other/edge (IST0101)',
    'spec.http[0].route[0].destination.subset: no DestinationRule has a subset v1 of cart.shop.svc.cluster.local (IST0101)',
    'spec.http[0].mirror.host: there is no service nobody.example (IST0101)',
  ])
})

it('misses nothing in files that hold only a part of the mesh', () => {
  expect(told(rule)).toEqual([])
  expect(told(rule.replace(', mirror: {host: nobody.example}', ''), service, wildcard, subsets('v1'))).toEqual([])
})
