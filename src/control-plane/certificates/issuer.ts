import type { KubeClient, ResourceType } from '../../clusters/index.ts'
import type { TrustGroup } from '../../dialects/index.ts'
import {
  authorityOf,
  contentOfAuthority,
  type KeyedCertificate,
  makeRoot,
  type SecretStore,
  signMeshAuthority,
  validityFrom,
} from '../../identity/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'
import type { IssuedCertificateSpec } from '../../resources/gloo/index.ts'
import { objectKey } from '../../resources/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { Log } from '../log.ts'
import type { Translation } from '../translation.ts'
import type { ObjectTables } from '../xds/index.ts'
import { csrOf, type Requested, whyDue } from './due.ts'

export interface IssuerOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly clusters: Table<ClusterRow>
  readonly translation: Pick<Translation, 'objects' | 'trust'>
  readonly store: SecretStore
  readonly clientOf: (cluster: string) => KubeClient | undefined
  /** Whether this replica writes to clusters. */
  readonly mayWrite: () => boolean
  readonly now: () => number
  readonly log: Log
}

const group = 'certificates.mesh.gloo.solo.io'
const requestKind = `${group}/CertificateRequest`
const requestType: ResourceType = {
  group,
  version: 'v1',
  plural: 'certificaterequests',
  kind: 'CertificateRequest',
  namespaced: true,
}

const tickMs = 5000
/** What failed, or was written and is not seen yet, is tried again after this. */
const againMs = 15_000
const day = 24 * 3600_000

/** Signs the requests of agents for their meshes' authorities, below the root of the VirtualMesh. */
export class CertificateIssuer {
  readonly #options: IssuerOptions
  readonly #requested: Query<string, readonly Requested[]>
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #tried = new Map<string, { readonly what: string; readonly at: number }>()
  #running: Promise<void> = Promise.resolve()
  #isQueued = false
  #stopped = false

  constructor(options: IssuerOptions) {
    this.#options = options
    const { engine } = options
    this.#requested = this.#define()
    this.#observer = engine.observe(() => this.#check(), { canWait: true })
    this.#observer.watch(this.#requested, '')
    // Certificates expire, and writes fail, without any object changing.
    this.#timer = setInterval(() => this.#check(), tickMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#observer.close()
    await this.#running
  }

  #define(): Query<string, readonly Requested[]> {
    const { engine, tables, clusters, translation } = this.#options
    return engine.define<string, readonly Requested[]>('certificate requests', (read) => {
      const rows = read.all(clusters)
      const management = rows.find(({ isManagement }) => isManagement)?.name ?? ''
      return rows.flatMap(({ name: cluster }) =>
        read.query(translation.objects, cluster).flatMap((object): Requested[] => {
          if (object.kind !== 'IssuedCertificate') return []
          const wanted = object.spec as IssuedCertificateSpec
          const { name = '', namespace = '' } = wanted.glooMeshCa?.signingCertificateSecret ?? {}
          const key = objectKey(object)
          const request = read.get(tables.table(cluster, requestKind), key)
          if (name === '' || request === undefined) return []
          const secret = read.get(tables.table(management, '/Secret'), `${namespace}/${name}`)
          const data = (secret as { readonly data?: Readonly<Record<string, string>> } | undefined)?.data
          const root = data?.['root-cert.pem']
          return [
            {
              cluster,
              key,
              wanted,
              request,
              signer: { namespace, name },
              root: root === undefined ? undefined : Buffer.from(root, 'base64').toString('utf8'),
            },
          ]
        }),
      )
    })
  }

  #check(): void {
    if (this.#isQueued || this.#stopped) return
    this.#isQueued = true
    this.#running = this.#running.then(() => {
      this.#isQueued = false
      return this.#work()
    })
  }

  async #work(): Promise<void> {
    const { engine, mayWrite, now, log } = this.#options
    if (this.#stopped || !mayWrite()) return
    for (const each of engine.get(this.#requested, '')) {
      const why = whyDue(each, now())
      const id = `${each.cluster} ${each.key}`
      if (why === undefined) {
        this.#tried.delete(id)
        continue
      }
      // Not by version: our own write is not seen yet, and a second signature would restart pods once more.
      const what = `${each.request.metadata.uid} ${each.request.metadata.generation}`
      const last = this.#tried.get(id)
      if (last?.what === what && now() - last.at < againMs) continue
      this.#tried.set(id, { what, at: now() })
      try {
        await this.#issue(each)
        log.info({ cluster: each.cluster, request: each.key }, `certificate of a mesh signed: ${why}`)
      } catch (error) {
        log.warn({ cluster: each.cluster, request: each.key, err: messageOf(error) }, 'cannot sign; will try again')
        await this.#fail(each, messageOf(error))
      }
    }
  }

  async #issue(each: Requested): Promise<void> {
    const { wanted, request } = each
    const signer = await this.#signer(each)
    const { ttlDays = 365, orgName } = wanted.certOptions ?? {}
    const names = {
      organization: orgName || wanted.org || 'Istio',
      commonName: request.metadata.name,
      uris: wanted.hosts ?? [],
    }
    const validity = validityFrom(this.#options.now(), ttlDays * day)
    const certificate = await signMeshAuthority(signer, csrOf(each), names, validity)
    const above = signer.certificate === signer.root ? [] : [signer.certificate, ...signer.intermediates]
    await this.#tell(each, {
      state: 'FINISHED',
      error: null,
      signedCertificate: base64(certificate),
      signingRootCa: base64([signer.root, ...(signer.alsoTrusted ?? [])].join('')),
      certChain: base64([certificate, ...above, signer.root].join('')),
    })
  }

  async #fail(each: Requested, error: string): Promise<void> {
    const { log } = this.#options
    // What was signed before stays good.
    const status = (each.request.status ?? {}) as { readonly state?: string; readonly error?: string }
    if (status.state === 'FINISHED' || (status.state === 'FAILED' && status.error === error)) return
    try {
      await this.#tell(each, { state: 'FAILED', error })
    } catch (second) {
      log.warn({ cluster: each.cluster, request: each.key, err: messageOf(second) }, 'cannot tell of it either')
    }
  }

  async #tell({ cluster, request }: Requested, status: object): Promise<void> {
    const client = this.#options.clientOf(cluster)
    if (client === undefined) throw new Error(`cluster ${cluster} is not connected`)
    const { name, namespace = '', generation = 1 } = request.metadata
    await client.mergePatch(
      requestType,
      { name, namespace, subresource: 'status' },
      { status: { observedGeneration: String(generation), ...status } },
    )
  }

  /** The authority that signs; the root of a VirtualMesh is made if nobody has made it yet. */
  async #signer({ signer }: Requested): Promise<KeyedCertificate> {
    const { store, engine, translation, now } = this.#options
    const at = { cluster: '', ...signer }
    const found = await store.read(at)
    const known = found && authorityOf(found.content)
    if (known) return known
    if (found) throw new Error(`Secret ${signer.namespace}/${signer.name} holds no authority`)
    const root = rootOf(engine.get(translation.trust, ''), signer)
    if (root === undefined) throw new Error(`there is no Secret ${signer.namespace}/${signer.name}`)
    const made = await makeRoot({
      organization: root.organization,
      commonName: `${signer.name} root`,
      keyKind: { rsaBits: root.keyBits },
      validity: validityFrom(now(), root.ttlDays * day),
    })
    if (await store.write(at, contentOfAuthority(made), undefined)) return made
    throw new Error('another one has made the root just now')
  }
}

/** How the root that is kept in a Secret is to be made; undefined if it is a user's. */
function rootOf(groups: readonly TrustGroup[], secret: Requested['signer']) {
  const found = groups
    .map(({ trust }) => trust.root)
    .find((root) => {
      return root.kind === 'generated' && root.secret.name === secret.name && root.secret.namespace === secret.namespace
    })
  return found?.kind === 'generated' ? found : undefined
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
