// Pods made and deleted on behalf of a workload, with the events that `kubectl describe` shows.
import { type KubeObject, objectKey } from '../../../resources/index.ts'
import { answerOf, isApiError, resources, type Store } from '../client/index.ts'
import type { Pod } from '../kinds.ts'
import type { ControllerContext } from '../runtime/controller.ts'
import type { EventRecorder } from '../runtime/events.ts'

export interface PodWriter {
  /** False if the namespace takes nothing new. */
  create(owner: KubeObject, pod: Pod): Promise<boolean>
  delete(owner: KubeObject, pod: Pod): Promise<void>
}

export function podWriter(context: ControllerContext, pods: Store<Pod>, events: EventRecorder): PodWriter {
  return {
    async create(owner, pod) {
      try {
        const created = await context.api.create(resources.pods, pod)
        pods.put(created)
        events.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
        return true
      } catch (error) {
        if (!isApiError(error)) throw error
        const message = answerOf(error)
        // Content of a namespace that is going away cannot be made; nothing is wrong with the owner.
        if (/because it is being terminated/.test(message)) return false
        if (error.reason !== 'AlreadyExists') {
          events.record(owner, 'Warning', 'FailedCreate', `Error creating: ${message}`)
        }
        throw error
      }
    },
    async delete(owner, pod) {
      const uid = pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }
      const lingering = await context.api.delete(resources.pods, pod.metadata, uid)
      if (lingering?.metadata.deletionTimestamp !== undefined) pods.put(lingering as Pod)
      else pods.remove(objectKey(pod), pod.metadata.uid)
      events.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
    },
  }
}
