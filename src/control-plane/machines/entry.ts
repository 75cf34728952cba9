// A machine that is connected, or was a moment ago, and the WorkloadEntry that stands for it → what is to be written
// next. Pure. Names, annotations and times are Istio's (istio/istio pilot/pkg/autoregistration).
import type { KubeObject } from '../../resources/index.ts'
import type { WorkloadEntry, WorkloadGroup } from '../../resources/istio/index.ts'

export const annotations = {
  group: 'istio.io/autoRegistrationGroup',
  controller: 'istio.io/workloadController',
  connectedAt: 'istio.io/connectedAt',
  disconnectedAt: 'istio.io/disconnectedAt',
  healthChecks: 'proxy.istio.io/health-checks-enabled',
} as const

/** How long a machine may be gone before its entry goes, too. */
export const graceMs = 10_000
/** Whoever serves a machine says so again at least this often; what is older nobody vouches for. */
export const refreshMs = 10 * 60_000
export const forgottenMs = 3 * refreshMs

/** What a machine said of itself, and proved. */
export interface MachineSession {
  readonly cluster: string
  readonly namespace: string
  /** Of the WorkloadEntry. */
  readonly name: string
  /** The WorkloadGroup that the entry is made from; '' = the entry is somebody else's, and must be there. */
  readonly group: string
  readonly serviceAccount: string
  readonly address: string
  readonly network: string
  readonly locality: string
  readonly labels: Readonly<Record<string, string>>
  /** It tells how its program is. */
  readonly isProbed: boolean
  /** Milliseconds since the epoch. */
  readonly connectedAt: number
  /** Undefined while it is connected. */
  readonly disconnectedAt: number | undefined
  readonly health: MachineHealth | undefined
}

export interface MachineHealth {
  readonly healthy: boolean
  readonly message: string
  readonly since: number
}

export type Step =
  | { readonly do: 'create'; readonly object: KubeObject }
  | {
      readonly do: 'annotate'
      readonly resourceVersion: string
      readonly annotations: Readonly<Record<string, string | null>>
    }
  | { readonly do: 'tell-health'; readonly resourceVersion: string; readonly conditions: readonly object[] }
  | { readonly do: 'delete'; readonly uid: string }
  /** Nothing to do before the time has come, or the objects have changed. */
  | { readonly do: 'wait' }
  /** Nothing more is to be done for this machine. */
  | { readonly do: 'forget' }
  | { readonly do: 'refuse'; readonly why: string }

export interface StepInput {
  readonly entry: WorkloadEntry | undefined
  readonly group: WorkloadGroup | undefined
  readonly now: number
  /** Name of this replica. */
  readonly instance: string
}

/** Name of the entry of a machine that registers itself. */
export function entryName({ group, address, network }: { group: string; address: string; network: string }): string {
  const parts = [group, address.replaceAll(':', '-'), ...(network === '' ? [] : [network])]
  return parts.join('-').slice(-253)
}

export function nextStep(session: MachineSession, input: StepInput): Step {
  return session.disconnectedAt === undefined
    ? whileConnected(session, input)
    : onceGone(session, session.disconnectedAt, input)
}

function whileConnected(session: MachineSession, { entry, group, now, instance }: StepInput): Step {
  if (!entry) {
    // Late is good enough: the entry comes when the group does.
    if (session.group === '' || !group) return { do: 'wait' }
    return (
      refusal(session, group.spec?.template.serviceAccount) ?? {
        do: 'create',
        object: newEntry(session, group, instance),
      }
    )
  }
  const refused = refusal(session, entry.spec?.serviceAccount)
  if (refused) return refused
  const said = entry.metadata.annotations ?? {}
  const mayTell = session.group !== '' || said[annotations.healthChecks] !== undefined
  if (!mayTell) return { do: 'wait' }
  const saidAt = timeOf(said[annotations.connectedAt]) ?? 0
  const isOurs = said[annotations.controller] === instance && said[annotations.disconnectedAt] === undefined
  const isStale = isOurs && now - saidAt > refreshMs
  // It has come to another replica since.
  if (!isOurs && saidAt > session.connectedAt) return { do: 'wait' }
  if (!isOurs || isStale) return annotate(entry, connectedMarks(isStale ? now : session.connectedAt, instance))
  return healthStep(session, entry)
}

function onceGone(session: MachineSession, goneAt: number, { entry, now, instance }: StepInput): Step {
  const said = entry?.metadata.annotations ?? {}
  if (!entry || said[annotations.controller] !== instance) return { do: 'forget' }
  if ((timeOf(said[annotations.connectedAt]) ?? 0) > goneAt) return { do: 'forget' }
  if (said[annotations.disconnectedAt] === undefined)
    return annotate(entry, {
      [annotations.connectedAt]: null,
      [annotations.disconnectedAt]: new Date(goneAt).toISOString(),
    })
  if (now - goneAt < graceMs) return { do: 'wait' }
  if (session.group !== '') return { do: 'delete', uid: entry.metadata.uid ?? '' }
  const conditions = conditionsOf(entry)
  const others = conditions.filter(({ type }) => type !== healthyType)
  if (others.length === conditions.length) return { do: 'forget' }
  return { do: 'tell-health', resourceVersion: versionOf(entry), conditions: others }
}

/** The identity that the machine has proved must be the one that the entry lends it. */
function refusal({ serviceAccount, name }: MachineSession, wanted: string | undefined): Step | undefined {
  if (!wanted || wanted === serviceAccount) return undefined
  return {
    do: 'refuse',
    why: `WorkloadEntry ${name} is for service account ${wanted}; the machine has proved to be ${serviceAccount}`,
  }
}

/** Labels and place: what the machine says wins over the group's metadata, and that over the template. */
function newEntry(session: MachineSession, group: WorkloadGroup, instance: string): KubeObject {
  const { name, namespace, address, network, locality } = session
  const { metadata, template } = group.spec ?? { template: {} }
  const { 'istio-locality': _place, ...labels } = { ...template.labels, ...metadata?.labels, ...session.labels }
  const spec = {
    ...template,
    address,
    labels,
    ...(network && { network }),
    ...(locality && { locality }),
  }
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: {
      name,
      namespace,
      labels,
      annotations: {
        ...metadata?.annotations,
        [annotations.group]: group.metadata.name,
        [annotations.controller]: instance,
        [annotations.connectedAt]: new Date(session.connectedAt).toISOString(),
        ...(session.isProbed && { [annotations.healthChecks]: 'true' }),
      },
      ownerReferences: [
        {
          apiVersion: group.apiVersion,
          kind: 'WorkloadGroup',
          name: group.metadata.name,
          uid: group.metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec,
  } as KubeObject
}

function connectedMarks(since: number, instance: string): Record<string, string | null> {
  return {
    [annotations.controller]: instance,
    [annotations.connectedAt]: new Date(since).toISOString(),
    [annotations.disconnectedAt]: null,
  }
}

function annotate(entry: WorkloadEntry, changed: Readonly<Record<string, string | null>>): Step {
  return { do: 'annotate', resourceVersion: versionOf(entry), annotations: changed }
}

const healthyType = 'Healthy'

interface Condition {
  readonly type?: string
  readonly status?: string
  readonly message?: string
}

function conditionsOf({ status }: WorkloadEntry): readonly Condition[] {
  return (status as { conditions?: readonly Condition[] } | undefined)?.conditions ?? []
}

function healthStep({ health }: MachineSession, entry: WorkloadEntry): Step {
  if (!health) return { do: 'wait' }
  const conditions = conditionsOf(entry)
  const said = conditions.find(({ type }) => type === healthyType)
  const status = health.healthy ? 'True' : 'False'
  if (said?.status === status && (said.message ?? '') === health.message) return { do: 'wait' }
  const time = new Date(health.since).toISOString()
  const condition = {
    type: healthyType,
    status,
    ...(health.message !== '' && { message: health.message }),
    lastProbeTime: time,
    lastTransitionTime: time,
  }
  const others = conditions.filter(({ type }) => type !== healthyType)
  return { do: 'tell-health', resourceVersion: versionOf(entry), conditions: [...others, condition] }
}

/** Whether an entry that machines made is left over: its machine went, or nobody vouches for it any more. */
export function isLeftOver({ metadata }: KubeObject, now: number): boolean {
  const said = metadata.annotations ?? {}
  if (said[annotations.group] === undefined) return false
  const goneAt = timeOf(said[annotations.disconnectedAt])
  // Its own replica is given the time to do it.
  if (goneAt !== undefined) return now - goneAt > 3 * graceMs
  const connectedAt = timeOf(said[annotations.connectedAt])
  return connectedAt !== undefined && now - connectedAt > forgottenMs
}

function versionOf({ metadata }: KubeObject): string {
  return metadata.resourceVersion ?? ''
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}
