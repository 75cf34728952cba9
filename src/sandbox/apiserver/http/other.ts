// Everything that is no resource: discovery, version, health, keys, schemas.
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { issuer } from '../auth/tokens.ts'
import type { Core } from '../core.ts'
import { aggregated, groupList, oneGroup, resourceList } from '../discovery.ts'
import { type JsonObject, writeJson } from '../json.ts'
import { serveOpenApi } from '../openapi/serve.ts'
import { otherSubresources } from '../subresources.ts'
import { version } from '../version.ts'
import { parseAccept } from './accept.ts'
import type { Answer } from './answer.ts'

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

const wantsAggregated = (request: IncomingMessage): boolean =>
  parseAccept(request.headers.accept).some(
    ({ parameters }) =>
      parameters['as'] === 'APIGroupDiscoveryList' &&
      parameters['g'] === 'apidiscovery.k8s.io' &&
      parameters['v'] === 'v2',
  )

export async function serveOther(core: Core, request: IncomingMessage, answer: Answer, url: URL): Promise<void> {
  const path = url.pathname.replace(/\/$/, '') || '/'
  if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) {
    answer.text(200, 'ok')
    return
  }
  if (path === '/version') {
    answer.json(200, JSON.stringify(version(), undefined, 2))
    return
  }
  if ((path === '/api' || path === '/apis') && wantsAggregated(request)) {
    const body = writeJson(aggregated(core.registry, otherSubresources, path === '/api'))
    const tag = `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"`
    answer.document(aggregatedType, `${body}\n`, tag, request.headers['if-none-match'])
    return
  }
  const document = discoveryDocument(core, request, path) ?? keys(core, path)
  if (document) answer.object(200, document)
  else if (!(await serveOpenApi(core, path, request, answer))) answer.text(404, '404 page not found\n')
}

function discoveryDocument(core: Core, request: IncomingMessage, path: string): JsonObject | undefined {
  const parts = path.split('/').slice(1)
  if (path === '/')
    return { paths: ['/api', '/apis', '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version'] }
  if (path === '/api') {
    const serverAddress = request.headers.host ?? ''
    return {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    }
  }
  if (parts[0] === 'api' && parts.length === 2)
    return resourceList(core.registry, otherSubresources, '', parts[1] ?? '')
  if (path === '/apis') return groupList(core.registry)
  if (parts[0] === 'apis' && parts.length === 2) return oneGroup(core.registry, parts[1] ?? '')
  if (parts[0] === 'apis' && parts.length === 3) {
    return resourceList(core.registry, otherSubresources, parts[1] ?? '', parts[2] ?? '')
  }
  return undefined
}

function keys(core: Core, path: string): JsonObject | undefined {
  if (path === '/openid/v1/jwks') return core.signer.jwks()
  if (path !== '/.well-known/openid-configuration') return undefined
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}
