// Which requests are allowed, as conditions that Istio's rules are put together from; and the rules for all others, where
// a policy must take away what a wider one allows.
import { asList, asText, asTexts, at, compact, type Plain } from '../../shared/index.ts'

/** One condition of a rule; `values`: any of these. */
export interface Condition {
  readonly place: 'source' | 'operation' | 'when'
  /** `principals`, `paths`, …; of `when` the key. */
  readonly field: string
  readonly values: readonly string[]
}

/** All of these conditions. */
export type Allowance = readonly Condition[]

/** What `authorization.http.local.rules` allow; undefined: nothing is said, so everything is. */
export function allowancesOf(requests: Plain | undefined): readonly Allowance[] | undefined {
  const local = at(requests, 'local')
  if (local === undefined) return undefined
  return asList(at(local, 'rules')).flatMap((rule) => {
    const froms = orOne(asList(at(rule, 'from')).map((from) => tokenConditions(at(from, 'jwt'))))
    const tos = orOne(asList(at(rule, 'to')).map(operationConditions))
    return froms.flatMap((from) => tos.map((to) => [...from, ...to]))
  })
}

const orOne = (all: Allowance[]): Allowance[] => (all.length === 0 ? [[]] : all)

function tokenConditions(jwt: unknown): Allowance {
  const [issuer, subject] = [asText(at(jwt, 'iss')), asText(at(jwt, 'sub'))]
  const claims = Object.entries(asTexts(at(jwt, 'other'))).map(
    ([claim, value]): Condition => ({ place: 'when', field: `request.auth.claims[${claim}]`, values: [value] }),
  )
  return [{ place: 'source', field: 'requestPrincipals', values: [principalOf(issuer, subject)] }, ...claims]
}

/** Istio's `issuer/subject`, in which one of the two may be open. */
function principalOf(issuer: string, subject: string): string {
  const [iss, sub] = [issuer === '*' ? '' : issuer, subject === '*' ? '' : subject]
  if (iss === '' && sub === '') return '*'
  return iss === '' ? `*/${sub}` : `${iss}/${sub === '' ? '*' : sub}`
}

function operationConditions(to: unknown): Allowance {
  return (['paths', 'methods'] as const).flatMap((field): Condition[] => {
    const values = asList(at(to, field)).map(asText)
    return values.length === 0 ? [] : [{ place: 'operation', field, values }]
  })
}

/** A rule for requests that meet all conditions. */
export function ruleOf(allowance: Allowance): object {
  const fields = (place: Condition['place']): object =>
    Object.fromEntries(allowance.filter((each) => each.place === place).map(({ field, values }) => [field, values]))
  return compact({ ...asRule(fields('source'), fields('operation')), when: whenOf(allowance, 'values') })
}

const asRule = (source: object, operation: object): object =>
  compact({
    from: Object.keys(source).length === 0 ? undefined : [{ source }],
    to: Object.keys(operation).length === 0 ? undefined : [{ operation }],
  })

const whenOf = (conditions: readonly Condition[], field: 'values' | 'notValues'): object[] =>
  conditions.filter(({ place }) => place === 'when').map(({ field: key, values }) => ({ key, [field]: values }))

/** More would not fit into a proxy's filter. */
const mostRules = 128

/**
 * Rules for every request that none of the allowances meets, of those that meet one of `within`; undefined if that takes
 * too many.
 */
export function rulesAgainst(
  allowances: readonly Allowance[],
  within: readonly Allowance[] = [[]],
): object[] | undefined {
  let refused: Allowance[] = [[]]
  for (const allowance of allowances) {
    refused = distinct(refused.flatMap((clause) => allowance.map((condition) => [...clause, condition])))
    if (refused.length > mostRules) return undefined
  }
  return refused.flatMap((clause) => within.map((place) => negated(clause, place)))
}

/** Clauses without repeated conditions, and without those that a shorter one covers. */
function distinct(clauses: readonly Allowance[]): Allowance[] {
  const sets = clauses.map((clause) => new Map(clause.map((each) => [JSON.stringify(each), each])))
  const kept: Map<string, Condition>[] = []
  for (const set of sets.sort((a, b) => a.size - b.size))
    if (!kept.some((other) => [...other.keys()].every((key) => set.has(key)))) kept.push(set)
  return kept.map((set) => [...set.values()])
}

/** A rule for requests that meet none of the one conditions, and all of the others. */
function negated(clause: Allowance, within: Allowance): object {
  const fields = (place: Condition['place']): object => {
    const byField = Map.groupBy(
      clause.filter((each) => each.place === place),
      ({ field }) => `not${field[0]?.toUpperCase()}${field.slice(1)}`,
    )
    const met = within.filter((each) => each.place === place).map(({ field, values }) => [field, values] as const)
    const not = [...byField].map(([field, all]) => [field, all.flatMap(({ values }) => values)] as const)
    return Object.fromEntries([...met, ...not])
  }
  const when = [...whenOf(within, 'values'), ...whenOf(clause, 'notValues')]
  return compact({ ...asRule(fields('source'), fields('operation')), when })
}
