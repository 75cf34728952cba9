// Which objects of the management cluster an ObjectSelector means.
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

function holds({ key, operator, values }: ObjectSelector['expressions'][number], labels: Labelled['labels']): boolean {
  const value = labels[key]
  const [first = ''] = values
  switch (operator) {
    case 'Equals':
    case 'DoubleEquals':
      return value === first
    case 'NotEquals':
      return value !== first
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'GreaterThan':
      return value !== undefined && Number(value) > Number(first)
    case 'LessThan':
      return value !== undefined && Number(value) < Number(first)
    default:
      return false
  }
}
