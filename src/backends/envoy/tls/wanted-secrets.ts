import type { Query, World } from '../../../discovery/index.ts'
import {
  type ClientTls,
  gatewayPlan,
  type Proxy,
  type ProxyScope,
  passesThrough,
  ruleOf,
  type ServerTls,
  selectSidecar,
  sidecarOf,
  viewOf,
} from '../../../mesh/index.ts'
import { authorityOf, credentialName, fileCertificateName, fileRootName } from './secrets.ts'

/** Names of the secrets, beside the workload's own, that a proxy's listeners and clusters ask for; sorted. */
export function wantedSecrets(world: World, scope: ProxyScope, proxy: Proxy): string[] {
  const ingress = sidecarOf(world, selectSidecar(world, proxy))?.ingress ?? []
  const servers =
    scope.type === 'gateway' ? world.get(gatewayPlan, scope).ports.flatMap((port) => port.servers) : ingress
  const names = servers.flatMap(({ tls }) => (tls && !passesThrough({ tls }) ? serverSecrets(tls) : []))
  return [...new Set([...names, ...world.get(clusterSecrets, scope)])].sort()
}

/** More than is asked for does no harm: nobody is given a secret that it does not subscribe to. */
function serverSecrets(tls: ServerTls): string[] {
  if (tls.mode === 'ISTIO_MUTUAL') return []
  const credentials = (tls.credentialNames ?? (tls.credentialName ? [tls.credentialName] : [])).map(credentialName)
  const [first] = credentials
  if (first !== undefined) {
    const authority = tls.caCertCredentialName ? credentialName(tls.caCertCredentialName) : authorityOf(first)
    return [...credentials, authority]
  }
  const files = tls.tlsCertificates ?? [tls]
  return [
    ...files.map(({ serverCertificate: certificate, privateKey: key }) => fileCertificateName({ certificate, key })),
    fileRootName(tls.caCertificates),
  ]
}

/** Secrets for TLS that DestinationRules of a view ask for. */
const clusterSecrets: Query<ProxyScope, readonly string[]> = {
  name: 'envoy/cluster-secrets',
  keyOf: ({ view }) => viewOf.keyOf(view),
  compute: (world, { view }) => {
    const rules = new Set(world.get(viewOf, view).services.map(({ rule }) => rule))
    return [...new Set([...rules].flatMap((key) => ruleSecrets(world, key, view.type)))].sort()
  },
  equals: (a, b) => a.join() === b.join(),
}

function ruleSecrets(world: World, key: string, type: ProxyScope['type']): string[] {
  const rule = ruleOf(world, key)
  const policies = [rule?.policy, ...(rule?.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)]
  const settings = policies.flatMap((policy) => [
    policy?.tls,
    ...(policy?.portLevelSettings ?? []).map((level) => level.tls),
  ])
  return settings.flatMap((tls) => (tls ? clientSecrets(tls, type === 'gateway' || rule?.forWorkloads === true) : []))
}

function clientSecrets(tls: ClientTls, mayNameSecrets: boolean): string[] {
  if (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL') return []
  if (tls.credentialName) {
    const name = credentialName(tls.credentialName)
    return mayNameSecrets || name.startsWith('configmap:') ? [name, authorityOf(name)] : []
  }
  const { clientCertificate: certificate, privateKey: key } = tls
  return [
    ...(tls.mode === 'MUTUAL' ? [fileCertificateName({ certificate, key })] : []),
    fileRootName(tls.caCertificates),
  ]
}
