// Names of filters, which EnvoyFilters match by, and of what filters note for each other.
export const filterNames = {
  httpRbac: 'envoy.filters.http.rbac',
  networkRbac: 'envoy.filters.network.rbac',
  httpExtAuthz: 'envoy.filters.http.ext_authz',
  networkExtAuthz: 'envoy.filters.network.ext_authz',
} as const

export const jwtFilterName = 'envoy.filters.http.jwt_authn'

/** Key of the verified token's claims among what the JWT filter notes. */
export const jwtPayloadKey = 'payload'
