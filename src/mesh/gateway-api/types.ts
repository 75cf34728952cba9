import type { KubeObject } from '../../resources/index.ts'

// HTTPRoute (gateway.networking.k8s.io), as far as it is read for Services as parents.

export interface ParentRef {
  group?: string
  kind?: string
  name?: string
  namespace?: string
  port?: number
}

export interface BackendRef {
  group?: string
  kind?: string
  name?: string
  namespace?: string
  port?: number
  weight?: number
  filters?: HttpRouteFilter[]
}

interface NamedMatch {
  type?: string
  name?: string
  value?: string
}

export interface HttpRouteMatch {
  path?: { type?: string; value?: string }
  headers?: NamedMatch[]
  queryParams?: NamedMatch[]
  method?: string
}

interface HeaderModifier {
  set?: { name?: string; value?: string }[]
  add?: { name?: string; value?: string }[]
  remove?: string[]
}

interface PathModifier {
  type?: string
  replaceFullPath?: string
  replacePrefixMatch?: string
}

export interface HttpRouteFilter {
  type?: string
  requestHeaderModifier?: HeaderModifier
  responseHeaderModifier?: HeaderModifier
  requestRedirect?: { scheme?: string; hostname?: string; path?: PathModifier; port?: number; statusCode?: number }
  urlRewrite?: { hostname?: string; path?: PathModifier }
  requestMirror?: { backendRef?: BackendRef; percent?: number; fraction?: { numerator?: number; denominator?: number } }
  cors?: {
    allowOrigins?: string[]
    allowMethods?: string[]
    allowHeaders?: string[]
    exposeHeaders?: string[]
    allowCredentials?: boolean
    maxAge?: number
  }
}

export interface HttpRouteRule {
  name?: string
  matches?: HttpRouteMatch[]
  filters?: HttpRouteFilter[]
  backendRefs?: BackendRef[]
  timeouts?: { request?: string; backendRequest?: string }
  retry?: { codes?: number[]; attempts?: number; backoff?: string }
}

export type HttpRouteObject = KubeObject<{ parentRefs?: ParentRef[]; hostnames?: string[]; rules?: HttpRouteRule[] }>
