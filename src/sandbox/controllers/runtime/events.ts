import { type KubeObject, objectKey } from '../../../resources/index.ts'
import { type KubeApi, resources } from '../client/index.ts'

export interface EventRecorder {
  /** Writes an Event about an object, as `kubectl describe` shows it; a repeated one is counted, not doubled. */
  record(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

interface EventObject extends KubeObject {
  count?: number
}

const remembered = 500

/** Writes core/v1 Events in the background: an event that cannot be written is reported and dropped. */
export function eventRecorder(api: KubeApi, component: string, onError: (error: unknown) => void): EventRecorder {
  const known = new Map<string, EventObject>()
  let last: Promise<void> = Promise.resolve()
  const write = async (about: KubeObject, type: string, reason: string, message: string): Promise<void> => {
    const id = [objectKey(about), about.kind, about.metadata.uid, type, reason, message].join('\n')
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    const earlier = known.get(id)
    if (earlier) {
      const count = (earlier.count ?? 1) + 1
      const body = { count, lastTimestamp: now }
      known.set(id, { ...earlier, count })
      await api.patch(resources.events, earlier.metadata, { type: 'merge', body })
      return
    }
    const namespace = about.metadata.namespace ?? 'default'
    const suffix = (BigInt(Date.now()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1e6))).toString(16)
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${about.metadata.name}.${suffix.slice(-16).padStart(16, '0')}`, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        ...(about.metadata.namespace === undefined ? {} : { namespace: about.metadata.namespace }),
        ...(about.metadata.uid === undefined ? {} : { uid: about.metadata.uid }),
        ...(about.metadata.resourceVersion === undefined ? {} : { resourceVersion: about.metadata.resourceVersion }),
      },
      reason,
      message,
      type,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    }
    known.set(id, await api.create<EventObject>(resources.events, event))
    for (const [oldest] of known) {
      if (known.size <= remembered) break
      known.delete(oldest)
    }
  }
  return {
    record(about, type, reason, message) {
      last = last.then(() => write(about, type, reason, message)).catch(onError)
    },
  }
}
