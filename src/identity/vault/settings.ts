// What a user says of a Vault, and what is wrong with it.

/** How the control plane proves to Vault who it is. */
export type VaultLogin =
  /** A token of Vault's, in key `token` of a Secret: of the cluster that is to have the authority, else of the management cluster. */
  | { readonly kind: 'token'; readonly secret: Place }
  /** A token of Kubernetes', given to Vault's login for it. */
  | {
      readonly kind: 'kubernetes'
      readonly mountPath: string
      readonly role: string
      readonly token: AccountToken
    }

export type AccountToken =
  /** Of an account of the cluster; `key`: of the account's own Secret, where it has one. */
  | { readonly kind: 'account'; readonly account: Place; readonly key: string }
  /** In a file that Kubernetes has mounted for the control plane itself. */
  | { readonly kind: 'mounted'; readonly path: string }

export interface Place {
  readonly namespace: string
  readonly name: string
}

export interface VaultSettings {
  /** URL. */
  readonly server: string
  /** PEM of who may have signed the server's certificate; empty: whom the machine trusts. */
  readonly caBundle: string
  /** Of Vault's own; empty: the root. */
  readonly namespace: string
  /** Where the certificate of the signing authority is read: `pki/ca/pem`, say. */
  readonly caPath: string
  /** Where requests are signed: `pki/root/sign-intermediate`, say. */
  readonly csrPath: string
  /** Undefined: the user has not said how. */
  readonly login: VaultLogin | undefined
}

/** Tokens of Kubernetes' are mounted below it; any other file of the machine is nobody's to send away. */
export const mountedBelow = '/var/run/secrets/'

/** Why nothing can be asked with these settings; undefined if something can. */
export function settingsError({ server, caPath, csrPath, login }: VaultSettings): string | undefined {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    return `server '${server}' is not an http(s) URL`
  if (caPath === '' || csrPath === '') return 'caPath and csrPath are needed'
  if (login === undefined) return 'tokenSecretRef or kubernetesAuth is needed'
  if (login.kind === 'token')
    return login.secret.name === '' || login.secret.namespace === ''
      ? 'tokenSecretRef needs name and namespace'
      : undefined
  if (login.role === '') return 'kubernetesAuth.role is needed'
  const { token } = login
  if (token.kind === 'account')
    return token.account.name === '' || token.account.namespace === ''
      ? 'kubernetesAuth.serviceAccountRef needs name and namespace'
      : undefined
  return token.path.startsWith(mountedBelow) && !token.path.split('/').includes('..')
    ? undefined
    : `kubernetesAuth.mountedSaPath must be below ${mountedBelow}`
}

/** The path of an API, however it was written: with or without slashes around it and Vault's `v1/` before it. */
export function apiPath(path: string): string {
  return path
    .replace(/^\/+|\/+$/g, '')
    .replace(/^v1\//, '')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
}

/** Path of Vault's login by Kubernetes: `auth/kubernetes`, unless the user mounted it elsewhere. */
export function loginPath(mountPath: string): string {
  const path = apiPath(mountPath || 'auth/kubernetes')
  return `${path.startsWith('auth/') ? path : `auth/${path}`}/login`
}
