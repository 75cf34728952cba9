// Pods without a node → the fitting node with the fewest pods.
import { objectKey } from '../../../resources/index.ts'
import { isApiError, resources } from '../client/index.ts'
import type { Node, Pod } from '../kinds.ts'
import type { Controller } from '../runtime/controller.ts'
import { withCondition } from '../workloads/conditions.ts'
import { isActive } from '../workloads/pods.ts'
import { whyNot } from './fit.ts'

const byNode = 'node'

export const schedulerController: Controller = {
  name: 'scheduler',
  dutyOf: 'kube-scheduler',
  setUp(context) {
    const pods = context.store<Pod>(resources.pods)
    const nodes = context.store<Node>(resources.nodes)
    const events = context.events('default-scheduler')
    pods.index(byNode, (pod) => [pod.spec?.nodeName ?? ''])
    const bind = async (pod: Pod, node: Node): Promise<void> => {
      const { name, namespace = '' } = pod.metadata
      const target = { apiVersion: 'v1', kind: 'Node', name: node.metadata.name }
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target }
      await context.api.createSub(resources.pods, namespace, name, 'binding', binding)
      events.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`)
    }
    const refuse = async (pod: Pod, reasons: readonly string[]): Promise<void> => {
      const counts = new Map<string, number>()
      for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
      const detail = [...counts].map(([reason, count]) => `${count} ${reason}`).join(', ')
      const message =
        reasons.length === 0
          ? 'no nodes available to schedule pods'
          : `0/${reasons.length} nodes are available: ${detail}.`
      const known = pod.status?.conditions?.find((c) => c.type === 'PodScheduled')
      if (known?.status === 'False' && known.message === message) return
      const wanted = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const
      const conditions = withCondition(pod.status?.conditions, wanted, context.now())
      const body = { status: { conditions } }
      pods.put(
        await context.api.patch<Pod>(resources.pods, pod.metadata, { type: 'merge', body, subresource: 'status' }),
      )
      events.record(pod, 'Warning', 'FailedScheduling', message)
    }
    const queue = context.queue({
      reconcile: async (key) => {
        const pod = pods.get(key)
        if (!pod || !waits(pod)) return
        const verdicts = nodes.list().map((node) => ({ node, reason: whyNot(node, pod) }))
        const load = (node: Node): number => pods.by(byNode, node.metadata.name).filter(isActive).length
        const [best] = verdicts
          .filter(({ reason }) => reason === undefined)
          .map(({ node }) => ({ node, load: load(node) }))
          .sort((a, b) => a.load - b.load)
        try {
          if (best) await bind(pod, best.node)
          else
            await refuse(
              pod,
              verdicts.flatMap(({ reason }) => reason ?? []),
            )
        } catch (error) {
          // Gone, or somebody else was quicker.
          if (!isApiError(error, 'NotFound', 'Conflict')) throw error
        }
      },
    })
    pods.listen((now) => now && waits(now) && queue.add(objectKey(now)))
    nodes.listen(() => {
      for (const pod of pods.by(byNode, '')) if (waits(pod)) queue.add(objectKey(pod))
    })
  },
}

function waits(pod: Pod): boolean {
  const scheduler = pod.spec?.schedulerName ?? 'default-scheduler'
  return (pod.spec?.nodeName ?? '') === '' && scheduler === 'default-scheduler' && isActive(pod)
}
