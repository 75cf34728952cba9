// TLS towards the services of routes (`serviceDestination.tls`): of this gateway only.
import { asList, asText, at, type ClusterObject, compact } from '../../shared/index.ts'
import { written } from '../written.ts'
import type { PlacedServer } from './places.ts'
import { serviceReference } from './services.ts'

const modes: Readonly<Record<string, string>> = { DISABLED: 'DISABLE', SIMPLE: 'SIMPLE', MUTUAL: 'MUTUAL' }

export function serviceTlsRules({ server, cluster, name }: PlacedServer): ClusterObject[] {
  const { namespace, labels } = server.selector
  const seen = new Set<string>()
  return server.rules.flatMap(({ action }) => {
    if (action?.kind !== 'service') return []
    const mode = modes[asText(at(action.tls, 'mode'))]
    const host = serviceReference(action.reference)?.host
    if (mode === undefined || host === undefined || seen.has(host)) return []
    seen.add(host)
    const text = (...path: string[]): string | undefined => asText(at(action.tls, ...path)) || undefined
    const tls = compact({
      mode,
      credentialName: text('secretName')?.split('/').at(-1),
      clientCertificate: text('files', 'clientCertificate'),
      privateKey: text('files', 'privateKey'),
      caCertificates: text('files', 'caCertificates'),
      subjectAltNames: asList(at(action.tls, 'subjectAltNames')).map(asText),
    })
    const spec = { host, exportTo: ['.'], workloadSelector: { matchLabels: labels }, trafficPolicy: { tls } }
    const place = { cluster: cluster.name, namespace, name: `${name}-tls${seen.size > 1 ? `-${seen.size}` : ''}` }
    return [written({ ...place, kind: 'DestinationRule', spec })]
  })
}
