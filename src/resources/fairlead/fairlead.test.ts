import { describe, expect, it } from 'vitest'
import { checkFile } from '../index.ts'

const failover = (spec: string): string =>
  `apiVersion: fairlead.dev/v1alpha1\nkind: Failover\nmetadata: {name: shop, namespace: shop}\nspec: ${spec}\n`

const told = (spec: string): string[] =>
  checkFile(failover(spec), 'failover.yaml').problems.map(({ code, severity, path }) => `${severity} ${code} ${path}`)

describe('Failover', () => {
  it('may say all of it', () => {
    expect(
      told(`
  hosts: [shop]
  rungs:
  - name: home
    members: [{clusters: [.], weight: 90}, {localities: [us/us-a], labels: {version: v2}, weight: 10}]
  - name: near
    members: [{same: Region}]
  others: Never
  thresholds: {spillBelowPercent: 80, failedBelowPercent: 20}
  retry: {attempts: 3, perTryTimeout: 0.5s, triesPerRung: 1}
  failBack: {after: 30s, over: 2m}
`),
    ).toEqual([])
  })

  it('needs a service, and something to say', () => {
    expect(told('{retry: {}}')).toEqual(['error required spec.hosts'])
    expect(told('{hosts: [shop]}')).toEqual(['error invalid-value spec'])
    expect(told('{hosts: ["*.example.com"], retry: {}}')).toEqual(['error invalid-value spec.hosts[0]'])
  })

  it('refuses weights that say nothing', () => {
    const rungs = (members: string): string => `{hosts: [shop], rungs: [{members: ${members}}]}`
    expect(told(rungs('[{clusters: [a], weight: 0}]'))).toEqual(['error invalid-value spec.rungs[0].members'])
    expect(told(rungs('[{clusters: [a], weight: 1}, {clusters: [b]}]'))).toEqual([
      'error invalid-value spec.rungs[0].members',
    ])
    expect(told(rungs('[]'))).toEqual(['error invalid-value spec.rungs[0].members'])
  })

  it('tells of rungs that get nothing, since others have it all before them', () => {
    const rungs = (first: string, second: string): string[] =>
      told(`{hosts: [shop], rungs: [{name: a, members: [${first}]}, {name: b, members: [${second}]}]}`)
    const covered = ['warning no-effect spec.rungs[1].members[0]']
    expect(rungs('{clusters: [x, y]}', '{clusters: [x]}')).toEqual(covered)
    expect(rungs('{}', '{clusters: [x]}')).toEqual(covered)
    expect(rungs('{localities: [eu]}', '{localities: [eu/eu-a], clusters: [x]}')).toEqual(covered)
    expect(rungs('{same: Region}', '{same: Zone}')).toEqual(covered)
    expect(rungs('{labels: {v: a}}', '{labels: {v: a, w: b}}')).toEqual(covered)
    expect(rungs('{clusters: [x]}', '{clusters: [x, y]}')).toEqual([])
    expect(rungs('{same: Zone}', '{same: Region}')).toEqual([])
    expect(rungs('{subset: v1}', '{subset: v2}')).toEqual([])
  })

  it('refuses names that occur twice, and percents that contradict each other', () => {
    expect(told('{hosts: [shop], rungs: [{name: a, members: [{}]}, {name: a, members: [{}]}]}')).toContain(
      'error invalid-value spec.rungs[1].name',
    )
    expect(told('{hosts: [shop], thresholds: {spillBelowPercent: 20, failedBelowPercent: 50}}')).toEqual([
      'error invalid-value spec.thresholds.failedBelowPercent',
    ])
    expect(told('{hosts: [shop], thresholds: {spillBelowPercent: 0}}')).toEqual([
      'error invalid-value spec.thresholds.spillBelowPercent',
    ])
  })
})
