import { describe, expect, it } from 'vitest'
import type { WorkloadEntry, WorkloadGroup } from '../../resources/istio/index.ts'
import {
  annotations,
  entryName,
  forgottenMs,
  graceMs,
  isLeftOver,
  type MachineSession,
  nextStep,
  refreshMs,
} from './entry.ts'

const start = Date.parse('2026-01-01T00:00:00.000Z')
const instance = 'replica-1'

const session: MachineSession = {
  cluster: 'east',
  namespace: 'vms',
  name: 'shop-10.0.0.9-net',
  group: 'shop',
  serviceAccount: 'shop-account',
  address: '10.0.0.9',
  network: 'net',
  locality: 'eu/eu-a/',
  labels: { version: 'v2' },
  isProbed: true,
  connectedAt: start,
  disconnectedAt: undefined,
  health: undefined,
}

const group: WorkloadGroup = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadGroup',
  metadata: { name: 'shop', namespace: 'vms', uid: 'group-uid' },
  spec: {
    metadata: { labels: { app: 'shop', version: 'v1' }, annotations: { note: 'yes' } },
    template: { serviceAccount: 'shop-account', ports: { http: 8080 }, labels: { app: 'template', tier: 'web' } },
  },
}

const entryWith = (said: Record<string, string>, status?: object): WorkloadEntry => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'WorkloadEntry',
  metadata: { name: session.name, namespace: 'vms', uid: 'entry-uid', resourceVersion: '7', annotations: said },
  spec: { address: '10.0.0.9', serviceAccount: 'shop-account' },
  ...(status && { status }),
})

const ours = {
  [annotations.group]: 'shop',
  [annotations.controller]: instance,
  [annotations.connectedAt]: new Date(start).toISOString(),
  [annotations.healthChecks]: 'true',
}

const step = (
  more: Partial<MachineSession>,
  entry: WorkloadEntry | undefined,
  now = start,
  ofGroup: WorkloadGroup | undefined = group,
) => nextStep({ ...session, ...more }, { entry, group: ofGroup, now, instance })

describe('a machine that is connected', () => {
  it('gets an entry made from its group', () => {
    const made = step({}, undefined)
    expect(made).toMatchObject({
      do: 'create',
      object: {
        metadata: {
          name: session.name,
          namespace: 'vms',
          labels: { app: 'shop', tier: 'web', version: 'v2' },
          annotations: { note: 'yes', ...ours },
          ownerReferences: [{ kind: 'WorkloadGroup', uid: 'group-uid', controller: true }],
        },
        spec: {
          address: '10.0.0.9',
          network: 'net',
          locality: 'eu/eu-a/',
          ports: { http: 8080 },
          serviceAccount: 'shop-account',
          labels: { app: 'shop', tier: 'web', version: 'v2' },
        },
      },
    })
  })

  it('waits for its group', () => {
    expect(nextStep(session, { entry: undefined, group: undefined, now: start, instance })).toEqual({ do: 'wait' })
  })

  it('gets no entry of another account', () => {
    expect(step({ serviceAccount: 'other' }, undefined)).toMatchObject({ do: 'refuse' })
    expect(step({ serviceAccount: 'other' }, entryWith(ours))).toMatchObject({ do: 'refuse' })
  })

  it('takes its entry back when it returns in time, from whatever replica', () => {
    const gone = {
      ...ours,
      [annotations.controller]: 'replica-2',
      [annotations.disconnectedAt]: new Date(start - 1).toISOString(),
    }
    const { [annotations.connectedAt]: _, ...said } = gone
    expect(step({}, entryWith(said))).toMatchObject({
      do: 'annotate',
      resourceVersion: '7',
      annotations: { [annotations.controller]: instance, [annotations.disconnectedAt]: null },
    })
  })

  it('leaves the entry to a replica that it has come to since', () => {
    const later = {
      ...ours,
      [annotations.controller]: 'replica-2',
      [annotations.connectedAt]: new Date(start + 5).toISOString(),
    }
    expect(step({}, entryWith(later))).toEqual({ do: 'wait' })
  })

  it('is vouched for again from time to time', () => {
    expect(step({}, entryWith(ours), start + refreshMs - 1)).toEqual({ do: 'wait' })
    expect(step({}, entryWith(ours), start + refreshMs + 1)).toMatchObject({ do: 'annotate' })
  })

  it('has its health told once, beside other conditions', () => {
    const health = { healthy: false, message: 'HTTP 500', since: start }
    const accepted = { type: 'Accepted', status: 'True' }
    const told = step({ health }, entryWith(ours, { conditions: [accepted, { type: 'Healthy', status: 'True' }] }))
    expect(told).toMatchObject({
      do: 'tell-health',
      conditions: [accepted, { type: 'Healthy', status: 'False', message: 'HTTP 500' }],
    })
    const conditions = [{ type: 'Healthy', status: 'False', message: 'HTTP 500' }]
    expect(step({ health }, entryWith(ours, { conditions }))).toEqual({ do: 'wait' })
  })

  it('tells nothing in an entry of the user that asks for no health checks', () => {
    const health = { healthy: true, message: '', since: start }
    expect(step({ group: '', health }, entryWith({}))).toEqual({ do: 'wait' })
    expect(step({ group: '', health }, entryWith({ [annotations.healthChecks]: 'true' }))).toMatchObject({
      do: 'annotate',
    })
  })
})

describe('a machine that has gone', () => {
  const goneAt = start + 60_000
  const marked = { ...ours, [annotations.disconnectedAt]: new Date(goneAt).toISOString() }

  it('is marked, then removed after the grace period', () => {
    expect(step({ disconnectedAt: goneAt }, entryWith(ours), goneAt)).toMatchObject({
      do: 'annotate',
      annotations: { [annotations.connectedAt]: null, [annotations.disconnectedAt]: new Date(goneAt).toISOString() },
    })
    const { [annotations.connectedAt]: _, ...said } = marked
    expect(step({ disconnectedAt: goneAt }, entryWith(said), goneAt + graceMs - 1)).toEqual({ do: 'wait' })
    expect(step({ disconnectedAt: goneAt }, entryWith(said), goneAt + graceMs)).toEqual({
      do: 'delete',
      uid: 'entry-uid',
    })
    expect(step({ disconnectedAt: goneAt }, undefined, goneAt + graceMs)).toEqual({ do: 'forget' })
  })

  it('is left alone once another replica serves it', () => {
    expect(
      step({ disconnectedAt: goneAt }, entryWith({ ...ours, [annotations.controller]: 'replica-2' }), goneAt),
    ).toEqual({ do: 'forget' })
  })

  it('loses only its health in an entry of the user', () => {
    const { [annotations.connectedAt]: _, ...said } = marked
    const entry = entryWith(said, { conditions: [{ type: 'Healthy', status: 'True' }] })
    expect(step({ group: '', disconnectedAt: goneAt }, entry, goneAt + graceMs)).toMatchObject({
      do: 'tell-health',
      conditions: [],
    })
  })
})

describe('entries that nobody vouches for', () => {
  it('are those that machines made, long after', () => {
    expect(isLeftOver(entryWith(ours), start + forgottenMs - 1)).toBe(false)
    expect(isLeftOver(entryWith(ours), start + forgottenMs + 1)).toBe(true)
    expect(isLeftOver(entryWith({}), start + forgottenMs + 1)).toBe(false)
    const gone = { [annotations.group]: 'shop', [annotations.disconnectedAt]: new Date(start).toISOString() }
    expect(isLeftOver(entryWith(gone), start + graceMs)).toBe(false)
    expect(isLeftOver(entryWith(gone), start + 4 * graceMs)).toBe(true)
  })
})

it('names entries as istiod does', () => {
  expect(entryName({ group: 'shop', address: '10.0.0.9', network: '' })).toBe('shop-10.0.0.9')
  expect(entryName({ group: 'shop', address: 'fd00::9', network: 'net' })).toBe('shop-fd00--9-net')
})
