// Which objects of the management cluster an ObjectSelector means.
import { matchesRequirement } from '../../../lib/index.ts'
import { hasLabels, type Ref } from '../../shared/index.ts'
import type { ObjectSelector } from './model.ts'

interface Labelled {
  readonly object: Ref
  readonly labels: Readonly<Record<string, string>>
}

/** `home`: namespace of the selecting object. */
export function selectsObject(selector: ObjectSelector, home: string, { object, labels }: Labelled): boolean {
  const { namespaces, expressions } = selector
  const here =
    namespaces.length === 0
      ? object.namespace === home
      : namespaces.includes('*') || namespaces.includes(object.namespace)
  return here && hasLabels(labels, selector.labels) && expressions.every((each) => holds(each, labels))
}

/** The words of Gloo for what label selectors of Kubernetes say otherwise. */
const kubernetesWords: Readonly<Record<string, string>> = {
  Equals: 'In',
  DoubleEquals: 'In',
  NotEquals: 'NotIn',
  GreaterThan: 'Gt',
  LessThan: 'Lt',
}

function holds({ key, operator, values }: ObjectSelector['expressions'][number], labels: Labelled['labels']): boolean {
  const isOfOne = operator in kubernetesWords
  return matchesRequirement(
    { key, operator: kubernetesWords[operator] ?? operator, values: isOfOne ? [values[0] ?? ''] : values },
    labels,
  )
}
