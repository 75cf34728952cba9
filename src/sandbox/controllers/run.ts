// The controllers of one cluster, started over a kubeconfig as a controller manager is.
import { readFileSync } from 'node:fs'
import { type Access, KubeClient, loadAccess } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { KubeApi, type Resource, resources } from './client/index.ts'
import { endpointSliceController, endpointsController } from './endpoints/controller.ts'
import { garbageController } from './garbage/controller.ts'
import { namespaceController } from './namespace/controller.ts'
import { nodeController } from './node/controller.ts'
import type { Controller, ControllerContext } from './runtime/controller.ts'
import { type EventRecorder, eventRecorder } from './runtime/events.ts'
import { Informers } from './runtime/informers.ts'
import { WorkQueue } from './runtime/work-queue.ts'
import { schedulerController } from './scheduler/controller.ts'
import { rootCertificateController, serviceAccountController } from './service-account/controller.ts'
import { serviceAccountTokenController } from './service-account/token-controller.ts'
import { daemonSetController } from './workloads/daemon-set/controller.ts'
import { deploymentController } from './workloads/deployment/controller.ts'
import { jobController } from './workloads/job/controller.ts'
import { replicaSetController } from './workloads/replica-set/controller.ts'
import { statefulSetController } from './workloads/stateful-set/controller.ts'

/** All controllers, in the order in which they are set up (of no meaning but that garbage collection watches last). */
export const builtIn: readonly Controller[] = [
  namespaceController,
  serviceAccountController,
  rootCertificateController,
  serviceAccountTokenController,
  deploymentController,
  replicaSetController,
  statefulSetController,
  daemonSetController,
  jobController,
  nodeController,
  schedulerController,
  endpointSliceController,
  endpointsController,
  garbageController,
]

export interface ControllersOptions {
  /** Name of the cluster, for messages. */
  readonly cluster: string
  readonly kubeconfig: string
  readonly context?: string
  /** Duties beyond the built-in ones, such as load balancers. */
  readonly more?: readonly Controller[]
  /** One line about something that went wrong, or that a reader of the log wants to know. */
  readonly log: (message: string) => void
}

export interface RunningControllers {
  /** The duties that are ours here; the others are done by the cluster's own controllers. */
  readonly duties: readonly string[]
  /** Resolves when every watch has told its objects once. */
  readonly ready: Promise<void>
  /** Whether nothing is left to do at the moment. */
  idle(): boolean
  close(): Promise<void>
}

/** Starts the controllers of a cluster; those whose duty a real controller manager or scheduler does stay away. */
export async function runControllers(options: ControllersOptions): Promise<RunningControllers> {
  const access = loadAccess(options.kubeconfig, options.context)
  const client = new KubeClient(access, 'kube-controller-manager')
  const api = new KubeApi(client, 'kube-controller-manager')
  try {
    const taken = await dutiesTaken(api)
    const controllers = [...builtIn, ...(options.more ?? [])].filter((c) => !taken.has(c.dutyOf))
    return start(api, controllers, { ...options, certificateAuthority: authorityOf(access) })
  } catch (error) {
    client.close()
    throw error
  }
}

interface Lease extends KubeObject<{ holderIdentity?: string; renewTime?: string; leaseDurationSeconds?: number }> {}

/** Names of the control-plane components that are at work in the cluster, by the Leases that they renew. */
async function dutiesTaken(api: KubeApi): Promise<ReadonlySet<string>> {
  const taken = new Set<string>()
  for (const name of ['kube-controller-manager', 'kube-scheduler']) {
    const lease = await api.find<Lease>(resources.leases, 'kube-system', name)
    const renewed = Date.parse(lease?.spec?.renewTime ?? '')
    const lastsMs = (lease?.spec?.leaseDurationSeconds ?? 15) * 1000
    if ((lease?.spec?.holderIdentity ?? '') !== '' && Date.now() - renewed < 2 * lastsMs) taken.add(name)
  }
  return taken
}

/** PEM of the authority that signs the API server's certificate; "" if the kubeconfig names none. */
function authorityOf(access: Access): string {
  const { 'certificate-authority-data': data, 'certificate-authority': file } = access.cluster
  if (data) return Buffer.from(data, 'base64').toString()
  return file ? readFileSync(file, 'utf8') : ''
}

const repeatLogAfterMs = 60_000

function start(
  api: KubeApi,
  controllers: readonly Controller[],
  options: ControllersOptions & { certificateAuthority: string },
): RunningControllers {
  const stop = new AbortController()
  const say = (who: string, what: unknown): void => {
    if (!stop.signal.aborted)
      options.log(`${options.cluster}: ${who}: ${what instanceof Error ? what.message : String(what)}`)
  }
  // A server that is away fails all watches alike: one line is enough.
  const told = new Map<string, number>()
  const informers = new Informers(api.client, (resource, error) => {
    const last = told.get(error.message) ?? 0
    if (Date.now() - last > repeatLogAfterMs) say(`watch ${resource.plural}`, error)
    told.set(error.message, Date.now())
  })
  const queues: WorkQueue[] = []
  const recorders = new Map<string, EventRecorder>()
  for (const controller of controllers) {
    const context: ControllerContext = {
      cluster: options.cluster,
      certificateAuthority: options.certificateAuthority,
      api,
      store: (resource, keep) => informers.store(resource, keep),
      synced: (resource: Resource) => informers.synced(resource),
      drop: (resource) => informers.drop(resource),
      queue(work) {
        const queue = new WorkQueue({ ...work, onError: (key, error) => say(`${controller.name} ${key}`, error) })
        queues.push(queue)
        return queue
      },
      events(component) {
        const known = recorders.get(component)
        if (known) return known
        const made = eventRecorder(api, component, (error) => say('events', error))
        recorders.set(component, made)
        return made
      },
      now: () => Date.now(),
      signal: stop.signal,
      log: (message) => say(controller.name, message),
    }
    controller.setUp(context)
  }
  const ready = informers.synced().then(() => {
    for (const queue of queues) if (!stop.signal.aborted) queue.open()
  })
  return {
    duties: controllers.map((c) => c.name),
    ready,
    idle: () => queues.every((queue) => queue.idle),
    async close() {
      stop.abort()
      for (const queue of queues) queue.close()
      await informers.close()
      api.client.close()
    },
  }
}
