// TokenRequest: tokens of service accounts.

import { apiAudience } from '../auth/tokens.ts'
import { decodeBuiltin } from '../codec/builtin.ts'
import { timestamp } from '../codec/time.ts'
import type { Call } from '../core.ts'
import { ApiError, conflict, invalid, invalidObject, methodNotAllowed, notFound } from '../errors.ts'
import { asObject, parseBody, readBytes } from '../http/body.ts'
import type { Exchange } from '../http/resources.ts'
import { type JsonObject, listAt, numberAt, objectAt, textAt } from '../json.ts'
import { get } from './read.ts'

const kind = { group: 'authentication.k8s.io', name: 'TokenRequest' }

export async function serveToken(call: Call, exchange: Exchange): Promise<void> {
  if (exchange.request.method !== 'POST') throw methodNotAllowed()
  const body = asObject(parseBody(await readBytes(exchange.request), exchange.request.headers['content-type'] ?? ''))
  const request = decodeBuiltin('authentication.v1.TokenRequest', body, [])
  exchange.answer.object(201, issueToken(call, request), exchange.format.media)
}

/** Answers a TokenRequest. Throws ApiError. */
export function issueToken(call: Call, request: JsonObject): JsonObject {
  const account = get(call).object
  const seconds = numberAt(request, 'spec', 'expirationSeconds') ?? 3600
  if (seconds < 600) {
    throw invalidObject(kind, '', [
      invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'),
    ])
  }
  if (seconds > 2 ** 32) {
    throw invalidObject(kind, '', [
      invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'),
    ])
  }
  const asked = listAt(request, 'spec', 'audiences').filter((a) => typeof a === 'string')
  const audiences = asked.length > 0 ? asked : [apiAudience]
  const uid = textAt(account, 'metadata', 'uid')
  const bound = boundObject(call, objectAt(request, 'spec', 'boundObjectRef'))
  const issued = call.core.signer.issueServiceAccount({
    namespace: call.namespace,
    name: call.name,
    uid,
    audiences,
    lifetimeSeconds: seconds,
    ...bound,
  })
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: call.name, namespace: call.namespace, creationTimestamp: timestamp() },
    spec: {
      audiences,
      expirationSeconds: seconds,
      boundObjectRef: request['spec'] ? (objectAt(request, 'spec', 'boundObjectRef') ?? null) : null,
    },
    status: { token: issued.token, expirationTimestamp: timestamp(issued.expires) },
  }
}

interface Bound {
  bound?: { kind: 'Pod' | 'Secret' | 'Node'; name: string; uid: string }
  node?: { name: string; uid: string }
}

function boundObject(call: Call, ref: JsonObject | undefined): Bound {
  if (!ref) return {}
  const { store } = call.core
  const refKind = textAt(ref, 'kind')
  const name = textAt(ref, 'name')
  if (refKind !== 'Pod' && refKind !== 'Secret' && refKind !== 'Node') {
    throw new ApiError(
      400,
      'BadRequest',
      `cannot bind token for serviceaccount "${call.name}" to object ref: unsupported kind ${refKind}`,
    )
  }
  const plural = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }[refKind]
  const found = store.get(`/${plural}`, refKind === 'Node' ? '' : call.namespace, name)
  if (!found) throw notFound({ group: '', name: plural }, name)
  const uid = textAt(found.object, 'metadata', 'uid')
  const wanted = textAt(ref, 'uid')
  if (wanted && wanted !== uid) {
    throw conflict(
      { group: '', name: plural },
      name,
      `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  }
  if (refKind === 'Pod') {
    const account = textAt(found.object, 'spec', 'serviceAccountName')
    if (account !== call.name) {
      throw new ApiError(
        400,
        'BadRequest',
        `cannot bind token for serviceaccount "${call.name}" to pod running with different serviceaccount name.`,
      )
    }
  }
  const nodeName = refKind === 'Pod' ? textAt(found.object, 'spec', 'nodeName') : ''
  const node = nodeName ? store.get('/nodes', '', nodeName) : undefined
  return {
    bound: { kind: refKind, name, uid },
    ...(nodeName ? { node: { name: nodeName, uid: textAt(node?.object, 'metadata', 'uid') } } : {}),
  }
}
