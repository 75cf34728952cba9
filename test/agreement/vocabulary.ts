// The words that random policies and random requests are made of: few, so that they meet often.

export const namespace = 'shop'
export const otherNamespace = 'lobby'

export const headerNames = ['t-user', 't-group', 't-version'] as const
export const headerValues = ['ann', 'bob', 'ann-marie', 'canary', 'v1.2', '7', ''] as const
export const headerPatterns = ['a.*', '(ann|bob)', '[0-9]+', 'v[0-9]\\.[0-9]', '.*a', 'ann'] as const

export const paths = [
  '/',
  '/a',
  '/a/b',
  '/a/b/c',
  '/A/b',
  '/api',
  '/api/v1/items',
  '/api/v1/items/7',
  '/apiary',
  '/admin',
  '/admin/',
  '/x.y',
] as const
export const oddPaths = [
  '/a/../b',
  '/a//b',
  '/%61/b',
  '/a%2Fb',
  '/a/./b',
  '//a',
  '/api%20v',
  '/A/B?x=1',
  '/a/b/',
  '/a;b',
] as const
export const pathPatterns = [
  '/a/.*',
  '/api/v[0-9]+/items',
  '/[a-z]+',
  '/a(/b)?',
  '.*items.*',
  '/(?:a|api)/?.*',
] as const
export const prefixes = ['/', '/a', '/a/', '/api', '/api/v1', '/admin', '/A'] as const

export const queryNames = ['q', 'debug'] as const
export const queryValues = ['1', 'true', 'a b', ''] as const

export const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'] as const
export const origins = ['https://site.example', 'https://other.example', 'http://site.example'] as const

export const trustDomain = 'cluster.local'
export const issuers = ['https://issuer.example', 'me@secure.example'] as const
export const audiences = ['shop', 'bank'] as const
export const subjects = ['ann', 'bob', 'tester@example'] as const
export const groups = ['dev', 'admin'] as const

export const externalHost = 'api.example.com'
/** With endpoints by address, by DNS, and wherever it was going. */
export const externalHosts = [externalHost, 'named.example.com', 'anywhere.example.com'] as const
export const secureHost = 'secure.example.com'
export const gatewayHosts = ['shop.example', 'www.shop.example', '*.wild.example'] as const

/** Ports of services; pods listen on the same. */
export const ports = { http: 9080, auto: 9081, http2: 9082, tcp: 9090, tls: 9443 } as const
/** Where gateways between networks take connections. */
export const passagePort = 15443
export const versions = ['v1', 'v2'] as const
/** Of gateways; Ingresses are served at port 80 of the Service, which is `ingress` of the pod. */
export const gatewayPorts = { http: 8080, https: 8443, passed: 8444, tcp: 8090, ingress: 8081 } as const
export const ingressHosts = ['plain.example', '*.wild.example'] as const

/** Answers that calls may ask programs for. */
export const badStatuses = [404, 409, 500, 502, 503, 504] as const
/** What programs take for requests that ask for it; proxies may wait `shortTimeout`. */
export const slowMs = 4500
export const shortTimeout = '2s'
/** Where requests to the external authorizer begin. */
export const checkPrefix = '/check'
