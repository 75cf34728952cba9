type Labels = Readonly<Record<string, string>> | undefined

/** A label selector as Kubernetes writes it (apimachinery, meta/v1). */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly LabelRequirement[]
}

/** `Gt` and `Lt`, which node selectors have, compare numbers. */
export interface LabelRequirement {
  readonly key?: string
  readonly operator?: string
  readonly values?: readonly string[]
}

/** Whether labels fit a plain label map (as a Service's selector is). An empty map fits everything. */
export function matchesLabels(selector: Readonly<Record<string, string>>, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels?.[key] === value)
}

/** Whether labels fit a LabelSelector. An empty selector fits everything, a missing one nothing. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false
  const { matchLabels = {}, matchExpressions = [] } = selector
  return matchesLabels(matchLabels, labels) && matchExpressions.every((each) => matchesRequirement(each, labels))
}

/** Whether labels fit one requirement; an operator that is not known fits nothing. */
export function matchesRequirement({ key = '', operator, values = [] }: LabelRequirement, labels: Labels): boolean {
  const value = labels?.[key]
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0])
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0])
    default:
      return false
  }
}
