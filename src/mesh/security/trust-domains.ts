// Identities of one workload under the several names that its trust domain has had.

/** Stands for the mesh's own trust domain, whatever that is called. */
const ownDomain = 'cluster.local'

/**
 * A principal of a policy (`domain/ns/NAMESPACE/sa/ACCOUNT`) in every trust domain of the mesh: `domains` is its own, then
 * its aliases. Principals of other domains, and those of any form or domain, are as they are.
 */
export function principalInDomains(principal: string, domains: readonly string[]): readonly string[] {
  const [domain = '', ...path] = principal.split('/')
  if (path.length !== 4 || domain === '*') return [principal]
  if (domain !== ownDomain && !domains.some((own) => matches(domain, own))) return [principal]
  // A pattern like `*.example` stays for the domains that it covers.
  return [...new Set(domains.map((own) => (matchesSuffix(domain, own) ? principal : [own, ...path].join('/'))))]
}

/** A trust domain of a policy with those that mean the same. */
export function domainWithAliases(domain: string, domains: readonly string[]): readonly string[] {
  return domains.includes(domain) ? domains : [domain]
}

function matches(pattern: string, domain: string): boolean {
  return (
    pattern === domain ||
    matchesSuffix(pattern, domain) ||
    (pattern.endsWith('*') && domain.startsWith(pattern.slice(0, -1)))
  )
}

function matchesSuffix(pattern: string, domain: string): boolean {
  return pattern.startsWith('*') && domain.endsWith(pattern.slice(1))
}
