// What became of objects: their own status, and of parents the worst of what is below them.

import type { KubeObject } from '../resources/index.ts'
import { etagOf, placeOf, type resourceStatus } from '../resources/tsb/index.ts'
import type { HierarchyView, StoredObject } from './view.ts'

export type StatusWord = (typeof resourceStatus)[number]

export interface ConfigEvent {
  readonly etag: string
  readonly timestamp: string
  readonly type: string
  readonly message?: string
}

/** A ResourceStatus, as `tctl x status -o yaml` prints it. */
export interface ResourceStatus {
  readonly apiVersion: 'api.tsb.tetrate.io/v2'
  readonly kind: 'ResourceStatus'
  readonly metadata: Readonly<Record<string, string>>
  readonly spec: {
    readonly status: StatusWord
    readonly message?: string
    readonly configEvents?: { readonly events: readonly ConfigEvent[] }
    readonly aggregatedStatus?: {
      readonly children: Readonly<Record<string, { status: StatusWord; message?: string }>>
    }
  }
}

/** From the best to the worst. */
const order: readonly StatusWord[] = ['READY', 'ACCEPTED', 'DIRTY', 'PARTIAL', 'FAILED']

interface Own {
  readonly status: StatusWord
  readonly message: string
  readonly events: readonly ConfigEvent[]
}

const failures: Readonly<Partial<Record<StatusWord, string>>> = {
  FAILED: 'XCP_REJECTED',
  PARTIAL: 'XCP_PARTIALLY_APPLIED',
  DIRTY: 'MPC_DIRTY',
  READY: 'XCP_APPLIED',
}

/** What an object's own status says; ACCEPTED as long as nothing is said of the object as it is now. */
function ownStatus({ kind, object }: StoredObject): Own {
  if (!kind.isConfig) return { status: 'READY', message: '', events: [] }
  const said = (object.status ?? {}) as {
    observedGeneration?: string | number
    status?: StatusWord
    message?: string
    errors?: readonly string[]
    warnings?: readonly string[]
    configEvents?: { events?: readonly ConfigEvent[] }
  }
  const isCurrent =
    said.observedGeneration === undefined || Number(said.observedGeneration) === object.metadata.generation
  const status = isCurrent && said.status !== undefined ? said.status : 'ACCEPTED'
  // What is in force, but not as its author may think, is told too.
  const message = isCurrent ? (said.message ?? (said.errors ?? said.warnings)?.join('; ') ?? '') : ''
  const etag = etagOf(object)
  const timestamp = changedAt(object)
  const last = failures[status]
  const accepted = ['XCP_ACCEPTED', 'MPC_ACCEPTED', 'TSB_ACCEPTED'].map((type) => ({ etag, timestamp, type }))
  const made = last === undefined ? accepted : [{ etag, timestamp, type: last }, ...accepted]
  return { status, message, events: said.configEvents?.events ?? made }
}

/** When the object as users see it was changed last. */
function changedAt({ metadata }: KubeObject): string {
  const managers = (metadata.managedFields ?? []) as { time?: string; subresource?: string }[]
  const times = managers.flatMap(({ time, subresource }) => (time === undefined || subresource ? [] : [time]))
  return times.sort().at(-1) ?? metadata.creationTimestamp ?? ''
}

export function resourceStatusOf(view: HierarchyView, subject: StoredObject): ResourceStatus {
  const own = ownStatus(subject)
  const children = view
    .below(subject.fqn)
    .filter(({ kind }) => kind.isConfig && kind.bindingsOf === undefined)
    .map((child) => ({ fqn: child.fqn, ...ownStatus(child) }))
  const isParent = ['Workspace', 'Group'].includes(subject.kind.kind)
  const worst = isParent ? worstOf([own.status, ...children.map(({ status }) => status)]) : own.status
  const bad = children.filter(({ status }) => order.indexOf(status) > order.indexOf('ACCEPTED'))
  const message = own.message || (isParent && bad.length > 0 ? `see ${bad.map(({ fqn }) => fqn).join(', ')}` : '')
  const direct = isParent ? children : []
  return {
    apiVersion: 'api.tsb.tetrate.io/v2',
    kind: 'ResourceStatus',
    metadata: placeOf(subject.kind, subject.identity),
    spec: {
      status: worst,
      ...(message !== '' && { message }),
      ...(own.events.length > 0 && { configEvents: { events: own.events } }),
      ...(direct.length > 0 && {
        aggregatedStatus: {
          children: Object.fromEntries(
            direct.map((each) => [
              each.fqn,
              { status: each.status, ...(each.message !== '' && { message: each.message }) },
            ]),
          ),
        },
      }),
    },
  }
}

function worstOf(all: readonly StatusWord[]): StatusWord {
  return all.reduce((worst, each) => (order.indexOf(each) > order.indexOf(worst) ? each : worst), 'READY')
}
