/** What one rule of a filter says of a call. */
export interface RuleVerdict {
  /** As Envoy's configuration names it. */
  readonly policy: string
  /** The condition that does not hold, in words; absent = the rule matches. */
  readonly failed?: string
}

/** What one filter that guards a proxy decides about a call. */
export interface Verdict {
  readonly filter: string
  readonly action: 'ALLOW' | 'DENY' | 'LOG' | 'TOKEN' | 'ASK'
  readonly allowed: boolean
  /** The policy that decided, as Envoy's configuration names it; undefined if none matched. */
  readonly policy: string | undefined
  /** The rules that were asked, in their order, up to the first that matches. */
  readonly rules?: readonly RuleVerdict[]
  /** What the rules of a dry run would do; undefined without a dry run. */
  readonly dryRun?: 'allow' | 'deny'
  readonly dryRunPolicy?: string | undefined
  readonly dryRunRules?: readonly RuleVerdict[]
  /** Status of the answer if it is not allowed; undefined for connections, which are closed. */
  readonly status?: number | undefined
  /** In words, where there is more to say. */
  readonly note?: string
}
