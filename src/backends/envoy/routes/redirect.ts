import {
  RedirectAction_RedirectResponseCode,
  type RedirectActionSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { HttpRedirect } from '../../../mesh/index.ts'
import type { Init } from '../proto.ts'

const codes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
}

/** Where a client is sent instead. Undefined for a code that is no redirect. */
export function redirectAction(
  redirect: HttpRedirect,
  { port, tls }: { port: number; tls: boolean },
): Init<typeof RedirectActionSchema> | undefined {
  const responseCode = codes[redirect.redirectCode || 301]
  if (responseCode === undefined) return undefined
  const portRedirect = redirectPort(redirect, port, tls)
  return {
    hostRedirect: redirect.authority ?? '',
    pathRewriteSpecifier: redirect.prefixRewrite
      ? { case: 'prefixRewrite', value: redirect.prefixRewrite }
      : { case: 'pathRedirect', value: redirect.uri ?? '' },
    ...(redirect.scheme && { schemeRewriteSpecifier: { case: 'schemeRedirect', value: redirect.scheme } }),
    ...(portRedirect > 0 && { portRedirect }),
    responseCode,
  }
}

/** 0 = none is named: the scheme's own port, or what the client asked for. */
function redirectPort({ port, derivePort, scheme }: HttpRedirect, listenPort: number, tls: boolean): number {
  const wanted = port ?? (derivePort === 'FROM_REQUEST_PORT' ? listenPort : 0)
  const usual = (scheme || (tls ? 'https' : 'http')) === 'https' ? 443 : 80
  return wanted === usual ? 0 : wanted
}
