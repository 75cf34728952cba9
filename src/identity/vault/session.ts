// Who we are to a Vault: a token that the user has given, or one that Vault gives for a token of Kubernetes'.
import { Redacted } from '../redacted.ts'
import type { SecretContent } from '../store.ts'
import { askVault, VaultError } from './client.ts'
import { loginPath, type Place, type VaultLogin, type VaultSettings } from './settings.ts'

/** Where tokens come from. All reject while the cluster cannot be reached. */
export interface VaultCredentials {
  /** Content of a Secret of a cluster; "" is the management cluster. */
  secret(cluster: string, place: Place): Promise<SecretContent | undefined>
  /** A token of a service account of a cluster. */
  accountToken(cluster: string, account: Place, key: string): Promise<string>
  mountedToken(path: string): Promise<string>
}

interface Held {
  readonly token: Redacted<string>
  /** When to ask for another one: milliseconds since the epoch. */
  readonly untilMs: number
}

const tokenKey = 'token'

/** The sessions of one control plane with all Vaults. */
export class VaultSessions {
  readonly #credentials: VaultCredentials
  readonly #now: () => number
  readonly #timeoutMs: number
  readonly #held = new Map<string, Held>()

  constructor(credentials: VaultCredentials, now: () => number, timeoutMs: number) {
    this.#credentials = credentials
    this.#now = now
    this.#timeoutMs = timeoutMs
  }

  /** Does something with a token. One that Vault no longer takes is replaced, once. */
  async with<T>(cluster: string, settings: VaultSettings, action: (token: Redacted<string>) => Promise<T>): Promise<T> {
    const { login } = settings
    if (login === undefined) throw new Error('tokenSecretRef or kubernetesAuth is needed')
    if (login.kind === 'token') {
      const token = await this.#given(cluster, login)
      const result = await action(token)
      await this.#keepAlive(settings, token)
      return result
    }
    const key = JSON.stringify([cluster, settings.server, settings.namespace, login])
    const held = this.#held.get(key)
    if (held && held.untilMs > this.#now()) {
      try {
        return await action(held.token)
      } catch (error) {
        if (!(error instanceof VaultError && error.status === 403)) throw error
        this.#held.delete(key)
      }
    }
    const fresh = await this.#logIn(cluster, settings, login)
    this.#held.set(key, fresh)
    return action(fresh.token)
  }

  async #given(cluster: string, { secret }: Extract<VaultLogin, { kind: 'token' }>): Promise<Redacted<string>> {
    const found = (await this.#credentials.secret(cluster, secret)) ?? (await this.#credentials.secret('', secret))
    const where = `Secret ${secret.namespace}/${secret.name} with Vault's token`
    if (!found) throw new Error(`${where} does not exist, on the cluster or on the management cluster`)
    const token = found[tokenKey]?.trim() ?? ''
    if (token === '') throw new Error(`${where} has no key '${tokenKey}'`)
    return new Redacted(token)
  }

  async #logIn(
    cluster: string,
    settings: VaultSettings,
    { mountPath, role, token }: Extract<VaultLogin, { kind: 'kubernetes' }>,
  ): Promise<Held> {
    const jwt =
      token.kind === 'mounted'
        ? await this.#credentials.mountedToken(token.path)
        : await this.#credentials.accountToken(cluster, token.account, token.key)
    const path = loginPath(mountPath)
    const body = await askVault(settings, { method: 'POST', path, body: { role, jwt: jwt.trim() } }, this.#timeoutMs)
    const { auth } = JSON.parse(body.toString('utf8')) as {
      auth?: { client_token?: string; lease_duration?: number }
    }
    if (!auth?.client_token) throw new VaultError(0, `Vault, ${path}: the login gave no token`)
    const seconds = auth.lease_duration ?? 0
    // A third before its end; without an end, an hour, so that what the user changes in Vault is seen.
    const lifeMs = (seconds > 0 ? (seconds * 2) / 3 : 3600) * 1000
    return { token: new Redacted(auth.client_token), untilMs: this.#now() + lifeMs }
  }

  /** Renews a token that the user gave, in the second half of its life, if its rights and its kind allow that. */
  async #keepAlive(settings: VaultSettings, token: Redacted<string>): Promise<void> {
    try {
      const looked = await askVault(settings, { method: 'GET', path: 'auth/token/lookup-self', token }, this.#timeoutMs)
      const { data } = JSON.parse(looked.toString('utf8')) as {
        data?: { renewable?: boolean; ttl?: number; creation_ttl?: number }
      }
      if (data?.renewable !== true || (data.ttl ?? 0) * 2 >= (data.creation_ttl ?? 0)) return
      await askVault(settings, { method: 'POST', path: 'auth/token/renew-self', token, body: {} }, this.#timeoutMs)
    } catch (error) {
      // What was asked for was done; a token that may not look at itself works until its end all the same.
      if (!(error instanceof VaultError)) throw error
    }
  }
}
