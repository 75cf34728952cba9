// The clusters that one cluster knows: registered by objects, or joined by remote secrets of Istio.
import {
  type Access,
  ApiResources,
  isNotFound,
  joinedClusters,
  KubeClient,
  registeredClusters,
  registrationKinds,
} from '../clusters/index.ts'
import type { KubeObject } from '../resources/index.ts'
import { drainedAsTold } from './cluster-drain.ts'
import { columns } from './print.ts'

/** A cluster, as `list` shows it. */
interface KnownCluster {
  readonly name: string
  /** Where it is registered, by generation; `v1` is a remote secret. */
  readonly registrations: readonly { readonly apiVersion: string; readonly namespace: string }[]
  readonly server: string
  /** `reachable`, or why not. */
  readonly status: string
  /** Whether it says so itself, or this cluster says so of it. */
  readonly drained: boolean
}

const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
const remoteSecretLabel = 'istio/multiCluster=true'
const systemNamespace = 'istio-system'
const probeMs = 3000

/** Throws as `KubeClient` does, where the cluster that is asked does not answer. */
export async function listClusters(access: Access): Promise<readonly KnownCluster[]> {
  const client = new KubeClient(access)
  try {
    const byName = Map.groupBy(await registrationsOf(client), ({ metadata }) => metadata.name)
    const drainedHere = new Set(await drainedAsTold(client))
    const registered = await Promise.all([...byName.values()].map((objects) => describe(client, objects)))
    const joined = (await joinedByIstio(client)).filter(({ name }) => !byName.has(name))
    const all = await Promise.all([...registered, ...joined].map(async (one) => ({ ...one, ...(await probed(one)) })))
    return all
      .map(({ name, registrations, server, status, drained }) => {
        return { name, registrations, server, status, drained: drained || drainedHere.has(name) }
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  } finally {
    client.close()
  }
}

export function clusterTable(found: readonly KnownCluster[]): string[] {
  if (found.length === 0) return ['no cluster is registered']
  const rows = found.map(({ name, registrations, server, status, drained }) => {
    const namespaces = [...new Set(registrations.map(({ namespace }) => namespace))].join(',')
    return [name, namespaces, server || '-', drained ? 'yes' : 'no', status]
  })
  return columns([['NAME', 'NAMESPACE', 'SERVER', 'DRAINED', 'STATUS'], ...rows])
}

export async function registrationsOf(client: KubeClient): Promise<KubeObject[]> {
  const resources = new ApiResources(client)
  const found: KubeObject[] = []
  for (const kind of registrationKinds) {
    const [group = '', name = ''] = kind.split('/')
    const type = await resources.find(group, name)
    if (type) found.push(...(await client.list(type)).items)
  }
  return found
}

interface Described extends Omit<KnownCluster, 'drained'> {
  /** Undefined: nothing to ask it by. */
  readonly access: Access | undefined
}

/** What the registrations of one cluster say; the first that can be used counts, as in the control plane. */
async function describe(client: KubeClient, objects: readonly KubeObject[]): Promise<Described> {
  const kept = new Map<string, KubeObject>()
  const find = (ns: string, secret: string): KubeObject | undefined => kept.get(`${ns}/${secret}`)
  for (const object of objects) {
    // What the registration refers to is known only by asking for it: read the Secret that it names.
    const { name, namespace = '' } = object.metadata
    const spec = (object.spec ?? {}) as { secretRef?: { name?: string; namespace?: string }; secretName?: string }
    const [ns, secret] = [spec.secretRef?.namespace || namespace, spec.secretRef?.name || spec.secretName || name]
    try {
      kept.set(`${ns}/${secret}`, await client.get(secrets, secret, ns))
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  const { members, problems } = registeredClusters('', objects, find)
  const [member] = members
  return {
    name: objects[0]?.metadata.name ?? '',
    registrations: objects.map(({ apiVersion, metadata }) => ({ apiVersion, namespace: metadata.namespace ?? '' })),
    server: member?.access.server ?? '',
    status: member ? '' : (problems[0]?.message ?? 'not usable'),
    access: member?.access,
  }
}

/** Clusters of Istio's remote secrets; where one is named twice, the first counts. */
async function joinedByIstio(client: KubeClient): Promise<Described[]> {
  const found = await client.list(secrets, { namespace: systemNamespace, labelSelector: remoteSecretLabel })
  const { members, problems } = joinedClusters('', found.items)
  const registrations = [{ apiVersion: 'v1', namespace: systemNamespace }]
  const usable = members.map(({ name, access }) => ({ name, registrations, server: access.server, status: '', access }))
  const broken = problems.map(({ path, message }) => {
    const name = /^data\[(.*)\]$/.exec(path)?.[1] ?? ''
    return { name, registrations, server: '', status: message, access: undefined }
  })
  return [...new Map([...usable, ...broken].reverse().map((one) => [one.name, one])).values()]
}

async function probed({ name, access, status }: Described): Promise<Pick<KnownCluster, 'status' | 'drained'>> {
  if (access === undefined) return { status, drained: false }
  const client = new KubeClient(access)
  try {
    await client.request('GET', '/api/v1/namespaces/kube-system', { timeoutMs: probeMs })
    return { status: 'reachable', drained: (await drainedAsTold(client, name)).includes(name) }
  } catch (error) {
    return { status: (error as Error).message, drained: false }
  } finally {
    client.close()
  }
}
