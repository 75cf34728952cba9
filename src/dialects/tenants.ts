// What tenants of one dialect can say in others: nothing. Objects of Gloo Mesh and Service Mesh Hub hold for all
// clusters and namespaces; in a namespace that belongs to a tenant of TSB they have no effect, and are told of.
import type { Problem } from '../report/index.ts'
import { type ClusterSnapshot, groupKind, type KubeObject, refOf } from '../resources/index.ts'
import type { FactsMemory, ReadContext } from './shared/index.ts'
import type { Tenancy } from './tsb/index.ts'

/** Kinds by which users of these dialects say what they want. */
const intentGroups = /^(networking|settings)\.([a-z.]+\.)?solo\.io\//

/** A cluster's objects without what its tenants wrote in dialects that know no tenants. Valid as long as the original. */
class WithoutTenants extends Map<string, ReadonlyMap<string, KubeObject>> {
  readonly #problems: Problem[]
  readonly #original: ClusterSnapshot
  readonly #tenancy: Tenancy

  constructor(original: ClusterSnapshot, tenancy: Tenancy, problems: Problem[]) {
    super()
    this.#problems = problems
    this.#original = original
    this.#tenancy = tenancy
  }

  override get(kind: string): ReadonlyMap<string, KubeObject> | undefined {
    const all = this.#original.objects.get(kind)
    if (all === undefined || !intentGroups.test(kind)) return all
    const known = super.get(kind)
    if (known !== undefined) return known
    const kept = new Map([...all].filter(([, object]) => this.#isKept(object)))
    super.set(kind, kept)
    return kept
  }

  #isKept(object: KubeObject): boolean {
    const tenant = this.#tenancy.tenantOf(object.metadata.namespace)
    if (tenant === undefined) return true
    const message = `namespace ${object.metadata.namespace} belongs to tenant ${tenant}; ${groupKind(object)} holds for all tenants, so it has no effect there`
    this.#problems.push({
      code: 'not-allowed',
      severity: 'error',
      object: refOf(this.#original.name, object),
      path: '',
      message,
    })
    return false
  }
}

/**
 * What other dialects read: the same, without what tenants wrote in them. `problems` grows while they read.
 */
export function withoutTenants(
  context: ReadContext,
  tenancy: Tenancy,
  memory: FactsMemory,
): { readonly context: ReadContext; readonly problems: readonly Problem[] } {
  const { snapshot, management } = context
  const own = snapshot.clusters.get(management)
  if (own === undefined || tenancy.isEmpty) return { context, problems: [] }
  const problems: Problem[] = []
  const kept = { ...own, objects: new WithoutTenants(own, tenancy, problems) }
  const facts = memory.of(`${management} without tenants`, kept)
  return {
    context: {
      ...context,
      snapshot: { clusters: new Map([...snapshot.clusters, [management, kept]]) },
      factsOf: (cluster) => (cluster === management ? facts : context.factsOf(cluster)),
    },
    problems,
  }
}
