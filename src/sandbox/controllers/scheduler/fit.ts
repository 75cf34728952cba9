// Which nodes a pod may run on. Pure.

import { matchesLabels, matchesSelector } from '../../../lib/index.ts'
import { conditionOf, type Node, type NodeSelectorTerm, type Pod } from '../kinds.ts'

/** Why a node does not fit, as the scheduler says it in its message; undefined if it does. */
export function whyNot(node: Node, pod: Pick<Pod, 'spec'>): string | undefined {
  if (conditionOf(node, 'Ready')?.status !== 'True') return 'node(s) were not ready'
  if (node.spec?.unschedulable === true) return 'node(s) were unschedulable'
  if (!isChosen(node, pod)) return "node(s) didn't match Pod's node affinity/selector"
  const taint = untolerated(node, pod)
  return taint === undefined ? undefined : `node(s) had untolerated taint {${taint}}`
}

/** Whether a DaemonSet's pod belongs on a node, ready or not. */
export function fitsPlacement(node: Node, pod: Pick<Pod, 'spec'>): boolean {
  return isChosen(node, pod) && untolerated(node, pod) === undefined
}

/** Whether a node is among those that the pod's node selector and affinity name. */
function isChosen(node: Node, pod: Pick<Pod, 'spec'>): boolean {
  const { nodeSelector, affinity } = pod.spec ?? {}
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return matchesLabels(nodeSelector ?? {}, node.metadata.labels) && (!terms || matchesTerms(node, terms))
}

function matchesTerms(node: Node, terms: readonly NodeSelectorTerm[]): boolean {
  const fields = { 'metadata.name': node.metadata.name }
  return terms.some(
    (term) =>
      ((term.matchExpressions?.length ?? 0) > 0 || (term.matchFields?.length ?? 0) > 0) &&
      matchesSelector({ matchExpressions: term.matchExpressions ?? [] }, node.metadata.labels) &&
      matchesSelector({ matchExpressions: term.matchFields ?? [] }, fields),
  )
}

/** The first taint that keeps the pod away, as `key: value`. */
function untolerated(node: Node, pod: Pick<Pod, 'spec'>): string | undefined {
  const taint = (node.spec?.taints ?? []).find(
    (t) =>
      t.effect !== 'PreferNoSchedule' &&
      !(pod.spec?.tolerations ?? []).some(
        (toleration) =>
          (toleration.effect === undefined || toleration.effect === '' || toleration.effect === t.effect) &&
          (toleration.key === undefined || toleration.key === '' || toleration.key === t.key) &&
          (toleration.operator === 'Exists' || (toleration.value ?? '') === (t.value ?? '')),
      ),
  )
  return taint && `${taint.key}: ${taint.value ?? ''}`
}
