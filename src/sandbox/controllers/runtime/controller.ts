import type { KubeObject } from '../../../resources/index.ts'
import type { KubeApi, Resource, Store } from '../client/index.ts'
import type { EventRecorder } from './events.ts'
import type { WorkQueue, WorkQueueOptions } from './work-queue.ts'

/** What a controller gets to work with. */
export interface ControllerContext {
  /** Name of the cluster, for messages. */
  readonly cluster: string
  /** PEM of the authority that signs the API server's certificate; "" if unknown. */
  readonly certificateAuthority: string
  readonly api: KubeApi
  /** The shared store of a resource; asked for while the controller is set up. */
  store<T extends KubeObject>(resource: Resource, keep?: (object: T) => T): Store<T>
  /** Resolves when the objects of a resource have been read once. */
  synced(resource: Resource): Promise<void>
  /** Stops watching a resource that is no more. */
  drop(resource: Resource): void
  /** A queue that opens when all stores have been read once. */
  queue(options: Pick<WorkQueueOptions, 'reconcile' | 'workers'>): WorkQueue
  /** A recorder of Events whose source is `component`. */
  events(component: string): EventRecorder
  /** Milliseconds since the epoch. */
  now(): number
  readonly signal: AbortSignal
  log(message: string): void
}

/** One duty of a cluster's controller manager. */
export interface Controller {
  readonly name: string
  /**
   * Whose duty it is in a real cluster, by the Lease in kube-system that its holder renews. Where such a holder is at
   * work, ours keeps out. "none": nothing else does it.
   */
  readonly dutyOf: 'kube-controller-manager' | 'kube-scheduler' | 'none'
  setUp(context: ControllerContext): void
}
