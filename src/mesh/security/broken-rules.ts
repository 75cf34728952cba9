import type { AuthorizationRule } from '../../resources/istio/index.ts'

/**
 * A rule without the conditions that have errors, so that it matches more than it was meant to, never less: right for
 * rules that deny. `errors` are paths within the rule (`from[0].source.ipBlocks[1]`; '' = the rule itself).
 */
export function openUp(rule: AuthorizationRule, errors: readonly string[]): AuthorizationRule {
  const inside = (prefix: string): boolean =>
    errors.some((path) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`))
  const own = (path: string): boolean => errors.includes(path)
  const opened: AuthorizationRule = {}
  if (!own('from') && rule.from !== undefined)
    opened.from = rule.from.map((from, index) => {
      const path = `from[${index}].source`
      return own(path) || own(`from[${index}]`) ? {} : { source: withoutFields(from.source ?? {}, path, inside) }
    })
  if (!own('to') && rule.to !== undefined)
    opened.to = rule.to.map((to, index) => {
      const path = `to[${index}].operation`
      return own(path) || own(`to[${index}]`) ? {} : { operation: withoutFields(to.operation ?? {}, path, inside) }
    })
  if (!own('when') && rule.when !== undefined) opened.when = rule.when.filter((_, index) => !inside(`when[${index}]`))
  return opened
}

function withoutFields<T extends object>(fields: T, path: string, broken: (path: string) => boolean): T {
  const left = Object.entries(fields).filter(([name]) => !broken(`${path}.${name}`))
  return Object.fromEntries(left) as T
}
