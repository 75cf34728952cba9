// Authentication and authorization, as gateways and security settings say them.
import { boolean, enumeration, list, map, object, protoDuration, string } from '../dsl.ts'
import { clientTls } from './tls.ts'

export const jwt = object({
  issuer: string(),
  audiences: list(string()),
  jwks: string(),
  jwksUri: string(),
  fromHeaders: list(object({ name: string(), prefix: string() })),
  fromCookies: list(string()),
  outputPayloadToHeader: string(),
  outputClaimToHeaders: list(object({ header: string(), claim: string() })),
})

const oidc = object({
  clientId: string(),
  clientTokenSecret: string(),
  redirectUri: string(),
  provider: object({
    issuer: string(),
    authorizationEndpoint: string(),
    tokenEndpoint: string(),
    jwks: string(),
    jwksUri: string(),
    tls: clientTls,
  }),
  authScopes: list(string()),
  authType: string(),
  grantType: string(),
  redirectPathMatcher: string(),
  signoutPath: string(),
  useRefreshToken: boolean(),
})

/** Of requests. */
export const httpAuthentication = object(
  {
    jwt,
    oidc,
    rules: object({ jwt: list(jwt) }, { description: 'Any of these tokens.' }),
    requireJwt: boolean({ description: 'A request without a valid token is refused.' }),
  },
  { atMostOne: [['jwt', 'rules']] },
)

/** Of requests, by their tokens, or by a server that is asked. */
export const httpAuthorization = object(
  {
    local: object({
      rules: list(
        object({
          name: string(),
          from: list(object({ jwt: object({ iss: string(), sub: string(), other: map(string()) }) })),
          to: list(object({ paths: list(string()), methods: list(string()) })),
        }),
      ),
    }),
    external: object({
      uri: string(),
      pathPrefix: string(),
      timeout: protoDuration('Omitted: 1s.'),
      includeRequestHeaders: list(string()),
      allowedUpstreamHeaders: list(string()),
      tls: clientTls,
    }),
  },
  { atMostOne: [['local', 'external']] },
)

export const identityMatch = enumeration(
  ['UNDEFINED', 'PERMISSIVE', 'PEER_CERTIFICATE', 'SOURCE_IDENTITY'],
  'Whose identity counts if a gateway stands between.',
)

const authorizationRules = list(
  object({
    from: object({ fqn: string() }),
    to: object({ fqn: string() }),
  }),
)

/** Modes of authorization, from the least strict to the strictest, as strategy STRICTER compares them. */
export const authorizationModes = [
  'UNSET',
  'DISABLED',
  'CLUSTER',
  'WORKSPACE',
  'NAMESPACE',
  'GROUP',
  'RULES',
  'CUSTOM',
] as const

const authorizationMode = enumeration(authorizationModes)

/** Who may call: by where callers are, by account, or by rules between owned parts of the mesh. */
export const authorization = object({
  mode: authorizationMode,
  serviceAccounts: list(string(), { description: 'NAMESPACE/ACCOUNT, NAMESPACE/* or ./* each; for mode CUSTOM.' }),
  rules: object({
    allow: authorizationRules,
    deny: authorizationRules,
    denyAll: boolean(),
  }),
  http: httpAuthorization,
  identityMatch,
})

export const wasmPlugins = list(
  object({
    fqn: string(),
    config: object({}),
    match: list(object({ mode: string(), ports: list(object({ number: string() })) })),
  }),
)

export const waf = object({ rules: list(string()) })
