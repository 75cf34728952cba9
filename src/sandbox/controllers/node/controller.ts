// The part of the node life cycle that a cluster cannot do without: API servers give each new node the taint "not ready".
import { type KubeObject, objectKey } from '../../../resources/index.ts'
import { resources } from '../client/index.ts'
import type { Controller } from '../runtime/controller.ts'

interface Node
  extends KubeObject<
    { taints?: { key: string; effect: string }[] },
    { conditions?: { type: string; status: string }[] }
  > {}

const notReady = 'node.kubernetes.io/not-ready'

/** Takes the taint from nodes whose kubelet says that they are ready. */
export const nodeController: Controller = {
  name: 'node-lifecycle',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const nodes = context.store<Node>(resources.nodes)
    const queue = context.queue({
      reconcile: async (key) => {
        const node = nodes.get(key)
        const isReady = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
        const taints = node?.spec?.taints ?? []
        if (!node || !isReady || !taints.some((taint) => taint.key === notReady)) return
        const left = taints.filter((taint) => taint.key !== notReady)
        nodes.put(await context.api.update(resources.nodes, { ...node, spec: { ...node.spec, taints: left } }))
      },
    })
    nodes.listen((now) => now && queue.add(objectKey(now)))
  },
}
