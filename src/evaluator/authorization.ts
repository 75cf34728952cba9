// Verdicts of RBAC filters, network and HTTP. Source: Envoy's RoleBasedAccessControlEngineImpl and its matchers.
import type { Any } from '@bufbuild/protobuf/wkt'
import { type RBAC, RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { RBACSchema as HttpRBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { RBACSchema as NetworkRBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { matchesPolicy } from './match/rbac.ts'
import { whyNotPolicy } from './match/rbac-words.ts'
import type { Seen } from './request.ts'
import { unpack } from './unpack.ts'
import type { RuleVerdict, Verdict } from './verdict.ts'

/** The verdict of a filter, if it is an RBAC filter; undefined otherwise. Notes the outcome of a dry run. */
export function authorize(filter: { name: string; config: Any }, seen: Seen): Verdict | undefined {
  const http = unpack(filter.config, HttpRBACSchema)
  const config = http ?? unpack(filter.config, NetworkRBACSchema)
  if (!config) return undefined
  const shadow = config.shadowRules ? decide(config.shadowRules, seen) : undefined
  if (shadow) {
    const prefix = config.shadowRulesStatPrefix
    const note = (key: string, value: string): void => seen.metadata.note(filter.name, `${prefix}${key}`, value)
    note('shadow_engine_result', shadow.allowed ? 'allowed' : 'denied')
    if (shadow.policy !== undefined) note('shadow_effective_policy_id', shadow.policy)
  }
  const real = config.rules
    ? decide(config.rules, seen)
    : {
        action: config.shadowRules ? actionOf(config.shadowRules) : 'ALLOW',
        allowed: true,
        policy: undefined,
        rules: [],
      }
  return {
    filter: filter.name,
    ...real,
    ...(real.allowed ? {} : { status: http ? 403 : undefined }),
    ...(shadow
      ? { dryRun: shadow.allowed ? 'allow' : 'deny', dryRunPolicy: shadow.policy, dryRunRules: shadow.rules }
      : {}),
  }
}

function actionOf({ action }: RBAC): 'ALLOW' | 'DENY' | 'LOG' {
  return action === RBAC_Action.ALLOW ? 'ALLOW' : action === RBAC_Action.DENY ? 'DENY' : 'LOG'
}

interface Judgement {
  readonly action: 'ALLOW' | 'DENY' | 'LOG'
  readonly allowed: boolean
  readonly policy: string | undefined
  readonly rules: readonly RuleVerdict[]
}

function decide(rules: RBAC, seen: Seen): Judgement {
  // Policies lie in a map that Envoy orders by name; the first that matches decides.
  const judged: RuleVerdict[] = []
  let policy: string | undefined
  for (const [name, rule] of Object.entries(rules.policies).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (matchesPolicy(rule, seen)) {
      policy = name
      judged.push({ policy: name })
      break
    }
    judged.push({ policy: name, failed: whyNotPolicy(rule, seen) })
  }
  const action = actionOf(rules)
  const allowed = action === 'LOG' || (action === 'ALLOW') === (policy !== undefined)
  return { action, allowed, policy, rules: judged }
}
