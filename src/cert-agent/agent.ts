import { isConflict, isNotFound, type KubeClient, Reflector, type ResourceType } from '../clusters/index.ts'
import { requestMeshAuthority } from '../identity/index.ts'
import type { KubeObject } from '../resources/index.ts'
import { nextBounce } from './bounce.ts'
import {
  agentLabel,
  type CertificateRequest,
  causeAnnotation,
  generationOf,
  type IssuedCertificate,
  type IssuedStatus,
  keyName,
  type Place,
  type PodBounceDirective,
  placeOf,
  type Secret,
  secretTypes,
  types,
} from './objects.ts'
import { nextStep } from './steps.ts'

export interface CertAgentOptions {
  readonly client: KubeClient
  readonly log: (level: 'info' | 'warn', text: string) => void
  readonly now?: () => number
  /** Bits of keys where the IssuedCertificate says nothing. */
  readonly keyBits?: number
}

/** Something may have changed that is not watched (pods, the root in a namespace). */
const tickMs = 1000
/** Where all is done, it is enough to look this seldom. */
const restTicks = 10
const retryMs = 10_000

/** The certificate agent of one cluster. */
export class CertAgent {
  readonly #client: KubeClient
  readonly #log: CertAgentOptions['log']
  readonly #now: () => number
  readonly #keyBits: number
  readonly #reflectors: readonly Reflector[]
  readonly #failedAt = new Map<string, number>()
  readonly #told = new Map<string, string>()
  readonly #timer: NodeJS.Timeout
  #issued: ReadonlyMap<string, KubeObject> = new Map()
  #isListed = false
  #running: Promise<void> = Promise.resolve()
  #isQueued = false
  #stopped = false
  #ticks = 0

  constructor({ client, log, now = Date.now, keyBits = 4096 }: CertAgentOptions) {
    this.#client = client
    this.#log = log
    this.#now = now
    this.#keyBits = keyBits
    this.#reflectors = [this.#reflect(types.issued, true), this.#reflect(types.request, false)]
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
    await this.#running
  }

  #reflect(type: ResourceType, isIssued: boolean): Reflector {
    const objects = new Map<string, KubeObject>()
    const changed = (): void => {
      if (isIssued) this.#issued = objects
      this.#check()
    }
    return new Reflector({
      client: this.#client,
      type,
      sink: {
        replace: (all) => {
          objects.clear()
          for (const [key, object] of all) objects.set(key, object)
          if (isIssued) this.#isListed = true
          changed()
        },
        set: (key, object) => {
          objects.set(key, object)
          changed()
        },
        delete: (key) => {
          objects.delete(key)
          changed()
        },
        state: (_, error) => this.#tell(type.kind, error?.message),
      },
    })
  }

  #tick(): void {
    this.#ticks++
    const isUnderWay = [...this.#issued.values()].some(
      ({ status }) => (status as IssuedStatus | undefined)?.state !== 'FINISHED',
    )
    if (isUnderWay || this.#ticks % restTicks === 0) this.#check()
  }

  #check(): void {
    if (this.#isQueued || this.#stopped || !this.#isListed) return
    this.#isQueued = true
    this.#running = this.#running.then(async () => {
      this.#isQueued = false
      for (const [key, object] of this.#issued)
        await this.#attempt(key, () => this.#follow(object as IssuedCertificate))
      await this.#attempt('clean up', () => this.#cleanUp())
    })
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#stopped) return
    try {
      await work()
      this.#tell(what, undefined)
    } catch (error) {
      // Somebody was faster; the watch shows what there is now.
      if (!isConflict(error)) this.#tell(what, error instanceof Error ? error.message : String(error))
    }
  }

  /** Says what is wrong once. */
  #tell(what: string, problem: string | undefined): void {
    if (problem !== undefined && this.#told.get(what) !== problem) this.#log('warn', `${what}: ${problem}`)
    if (problem === undefined) this.#told.delete(what)
    else this.#told.set(what, problem)
  }

  async #follow(issued: IssuedCertificate): Promise<void> {
    const own = placeOf(issued)
    const id = `${own.namespace}/${own.name}`
    const { name = '', namespace = '' } = issued.spec.issuedCertificateSecret ?? {}
    const request = (await this.#get(types.request, own)) as CertificateRequest | undefined
    const key = (await this.#get(types.secret, own)) as Secret | undefined
    const result = (await this.#get(types.secret, { namespace, name })) as Secret | undefined
    const mayRetry = this.#now() - (this.#failedAt.get(id) ?? 0) > retryMs
    const step = nextStep({ issued, request, key, result }, mayRetry)
    switch (step.kind) {
      case 'request':
        await this.#forgetBounced(issued)
        await this.#request(issued, request)
        return this.#setState(issued, 'REQUESTED')
      case 'store':
        await this.#forgetBounced(issued)
        await this.#store(issued, request, step.privateKey)
        return this.#setState(issued, 'ISSUED')
      case 'bounce':
        if (await this.#bounce(issued)) await this.#setState(issued, 'FINISHED')
        return
      case 'fail':
        this.#failedAt.set(id, this.#now())
        return this.#setState(issued, 'FAILED', step.error)
      default:
        return
    }
  }

  async #get(type: ResourceType, { namespace, name }: Place): Promise<KubeObject | undefined> {
    if (name === '') return undefined
    try {
      return await this.#client.get(type, name, namespace)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async #setState(issued: IssuedCertificate, state: string, error?: string): Promise<void> {
    const { namespace, name } = placeOf(issued)
    this.#log('info', `${namespace}/${name}: ${state}${error === undefined ? '' : ` (${error})`}`)
    const status = { observedGeneration: generationOf(issued), state, error: error ?? null }
    await this.#client.mergePatch(types.issued, { namespace, name, subresource: 'status' }, { status })
  }

  async #request(issued: IssuedCertificate, before: CertificateRequest | undefined): Promise<void> {
    const { namespace, name } = placeOf(issued)
    const { spec } = issued
    const names = {
      organization: spec.certOptions?.orgName || spec.org || 'Istio',
      commonName: name,
      uris: spec.hosts ?? [],
    }
    const { csr, key } = await requestMeshAuthority(names, spec.certOptions?.rsaKeySizeBytes || this.#keyBits)
    const metadata = {
      namespace,
      name,
      labels: { [agentLabel]: namespace },
      annotations: { [causeAnnotation]: `${namespace}/${name}` },
      ownerReferences: [ownerOf(issued)],
    }
    const data = { [keyName]: base64(key.reveal()) }
    await this.#replace(types.secret, { apiVersion: 'v1', kind: 'Secret', type: secretTypes.key, metadata, data })
    if (before !== undefined) await this.#remove(types.request, before)
    await this.#client.create(types.request, {
      apiVersion: 'certificates.mesh.gloo.solo.io/v1',
      kind: 'CertificateRequest',
      metadata,
      spec: { certificateSigningRequest: base64(csr) },
    })
  }

  async #store(issued: IssuedCertificate, request: CertificateRequest | undefined, privateKey: string): Promise<void> {
    const own = placeOf(issued)
    const { name = '', namespace = '' } = issued.spec.issuedCertificateSecret ?? {}
    const { signedCertificate = '', signingRootCa = '', certChain } = request?.status ?? {}
    const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
    const data = {
      'ca-cert.pem': signedCertificate,
      'ca-key.pem': privateKey,
      'cert-chain.pem': certChain ?? base64(`${decoded(signedCertificate)}${decoded(signingRootCa)}`),
      'key.pem': '',
      'root-cert.pem': signingRootCa,
    }
    const annotations = { [causeAnnotation]: `${own.namespace}/${own.name}` }
    const metadata = { namespace, name, labels: { [agentLabel]: own.namespace }, annotations }
    await this.#replace(types.secret, { apiVersion: 'v1', kind: 'Secret', type: secretTypes.issued, metadata, data })
    // One copy of a key is enough.
    const key = await this.#get(types.secret, own)
    if (key !== undefined && key.metadata.labels?.[agentLabel] !== undefined) await this.#remove(types.secret, key)
  }

  /** Writes a Secret of the agent's own, whatever was in it before. */
  async #replace(type: ResourceType, secret: Secret): Promise<void> {
    const there = (await this.#get(type, placeOf(secret))) as Secret | undefined
    if (there === undefined) return void (await this.#client.create(type, secret))
    if (there.metadata.labels?.[agentLabel] === undefined)
      throw new Error(`Secret ${there.metadata.namespace}/${there.metadata.name} is somebody else's`)
    if (there.type !== secret.type) {
      // The type of a Secret cannot change.
      await this.#remove(type, there)
      return void (await this.#client.create(type, secret))
    }
    const { resourceVersion } = there.metadata
    await this.#client.update(type, { ...secret, metadata: { ...secret.metadata, resourceVersion } } as Secret)
  }

  async #remove(type: ResourceType, { metadata }: KubeObject): Promise<void> {
    try {
      await this.#client.delete(type, metadata.name, metadata.namespace, metadata.uid)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #directiveOf({ spec }: IssuedCertificate): Promise<PodBounceDirective | undefined> {
    const { name = '', namespace = '' } = spec.podBounceDirective ?? {}
    if (name === '') return undefined
    const found = (await this.#get(types.directive, { namespace, name })) as PodBounceDirective | undefined
    if (found === undefined) throw new Error(`PodBounceDirective ${namespace}/${name} is not there (yet)`)
    return found
  }

  /** Pods are to restart again for a certificate that is issued again. */
  async #forgetBounced(issued: IssuedCertificate): Promise<void> {
    const directive = await this.#directiveOf(issued)
    if ((directive?.status?.podsBounced ?? []).length === 0 || directive === undefined) return
    await this.#setBounced(directive, [])
  }

  async #setBounced(directive: PodBounceDirective, podsBounced: readonly object[]): Promise<void> {
    const at = { ...placeOf(directive), subresource: 'status' }
    await this.#client.mergePatch(types.directive, at, { status: { podsBounced } })
  }

  /** True when all pods of the directive, if there is one, have been restarted. */
  async #bounce(issued: IssuedCertificate): Promise<boolean> {
    const directive = await this.#directiveOf(issued)
    if (directive === undefined) return true
    const selectors = directive.spec.podsToBounce ?? []
    const known = new Map<string, KubeObject | undefined>()
    const keep = async (type: ResourceType, { namespace = '', name = '' }: Partial<Place> = {}): Promise<void> => {
      known.set(`${type.kind} ${namespace}/${name}`, await this.#get(type, { namespace, name }))
    }
    for (const { rootCertSync } of selectors) {
      await keep(types.secret, rootCertSync?.secretRef)
      await keep(types.configMap, rootCertSync?.configMapRef)
    }
    const namespaces = [...new Set(selectors.flatMap(({ namespace }) => namespace ?? []))]
    const lists = await Promise.all(namespaces.map((namespace) => this.#client.list(types.pod, { namespace })))
    const step = nextBounce(directive, {
      pods: lists.flatMap(({ items }) => items),
      configMap: (namespace, name) => known.get(`ConfigMap ${namespace}/${name}`),
      secret: (namespace, name) => known.get(`Secret ${namespace}/${name}`) as Secret | undefined,
    })
    if (step.kind === 'done') return true
    if (step.kind === 'wait') {
      this.#tell(`PodBounceDirective ${directive.metadata.name}`, step.why)
      return false
    }
    for (const pod of step.pods) await this.#remove(types.pod, pod)
    this.#log('info', `restarted ${step.pods.length} pods (selector ${step.count} of ${selectors.length})`)
    const bouncedPods = step.pods.map(({ metadata }) => metadata.name)
    await this.#setBounced(directive, [...(directive.status?.podsBounced ?? []), { bouncedPods }])
    return false
  }

  /** What has no cause any more. Secrets in other namespaces have no owner that Kubernetes would know. */
  async #cleanUp(): Promise<void> {
    const made = await Promise.all(
      [types.secret, types.request].map(async (type) => {
        const { items } = await this.#client.list(type, { labelSelector: agentLabel })
        return items.map((object) => ({ type, object }))
      }),
    )
    for (const { type, object } of made.flat()) {
      const cause = object.metadata.annotations?.[causeAnnotation]
      if (cause === undefined || isStillWanted(object, this.#issued.get(cause) as IssuedCertificate | undefined))
        continue
      const { namespace, name } = placeOf(object)
      this.#log('info', `${type.kind} ${namespace}/${name} has no cause any more: removed`)
      await this.#remove(type, object)
    }
  }
}

/** True if the object is where its IssuedCertificate wants it. */
function isStillWanted(object: KubeObject, issued: IssuedCertificate | undefined): boolean {
  if (issued === undefined) return false
  const [at, own] = [placeOf(object), placeOf(issued)]
  const { name, namespace } = issued.spec.issuedCertificateSecret ?? {}
  return (at.name === own.name && at.namespace === own.namespace) || (at.name === name && at.namespace === namespace)
}

function ownerOf({ apiVersion, kind, metadata }: IssuedCertificate) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
