import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Core } from '../core.ts'
import type { Answer } from '../http/answer.ts'
import { writeJson } from '../json.ts'
import { kubernetesVersion } from '../version.ts'
import { emptyV2 } from './v2.ts'

const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

interface Kept {
  readonly revision: number
  readonly body: string
  readonly tag: string
}

/** Documents as they were last made, until a definition changes. */
const kept = new WeakMap<Core, Map<string, Kept>>()

/** Answers requests below /openapi; false for a path that is not known. The code behind it is loaded when first asked for. */
export async function serveOpenApi(
  core: Core,
  path: string,
  request: IncomingMessage,
  answer: Answer,
): Promise<boolean> {
  if (path === '/openapi/v2') {
    const version = `v${kubernetesVersion.major}.${kubernetesVersion.minor}`
    if (/protobuf/.test(request.headers.accept ?? '')) answer.bytes(protobufType, emptyV2(version))
    else answer.object(200, { swagger: '2.0', info: { title: 'Kubernetes', version }, paths: {}, definitions: {} })
    return true
  }
  if (path !== '/openapi/v3' && !path.startsWith('/openapi/v3/')) return false
  const { index, document, customSchemaIn } = await import('./v3.ts')
  if (path === '/openapi/v3') {
    answer.object(200, index(core.registry))
    return true
  }
  const documents = kept.get(core) ?? new Map<string, Kept>()
  kept.set(core, documents)
  let found = documents.get(path)
  if (!found || found.revision !== core.registry.revision) {
    const parts = path.slice('/openapi/v3/'.length).split('/')
    const [group, version] = parts[0] === 'api' ? ['', parts[1]] : [parts[1], parts[2]]
    const made = document(core.registry, group ?? '', version ?? '', (resource) => {
      const name = `${resource.names.plural}.${resource.group}`
      const crd = core.store.get('apiextensions.k8s.io/customresourcedefinitions', '', name)
      return customSchemaIn(crd?.object, resource.version)
    })
    if (!made) return false
    const body = writeJson(made)
    found = { revision: core.registry.revision, body, tag: `"${createHash('sha256').update(body).digest('hex')}"` }
    documents.set(path, found)
  }
  answer.document('application/json', found.body, found.tag, request.headers['if-none-match'])
  return true
}
