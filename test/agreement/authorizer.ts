// The external authorizer of random meshes: the same answer to the same question, for Envoy and the evaluator.
import type { AuthorizerAnswer } from '../../src/evaluator/index.ts'

/** By the user that a request names: some may pass, some not, and for some it fails. */
export function authorizerAnswer(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  speaks: 'http' | 'grpc',
): AuthorizerAnswer {
  const user = String(headers['t-user'] ?? '')
  if (user === '7') return { status: 500, headers: {} }
  if (user === 'bob') return { status: 401, headers: { 't-why': 'bob', 't-granted': 'no' } }
  if (user === 'canary') return { status: 302, headers: { location: 'https://login.example/', 't-why': 'login' } }
  if (speaks === 'grpc')
    return {
      status: 200,
      headers: { 't-granted': `to-${user}`, 't-group': 'granted' },
      clientHeaders: { 't-why': 'fine' },
    }
  return { status: 200, headers: { 't-granted': `to-${user}`, 't-group': 'granted', 't-why': 'fine' } }
}
