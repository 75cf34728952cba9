import { create, toBinary } from '@bufbuild/protobuf'
import { ProxyConfigSchema } from '#gen/mesh/v1alpha1/proxy_pb.js'
import { type ResourceList, typeUrls } from '../../ads/index.ts'
import { versionOf } from './encode.ts'
import { XdsResource } from './xds-resource.ts'

/** What Istio's agent is told while it runs: the roots to trust from now on, beside those that it got with its certificate. */
export class AgentConfigs {
  readonly #known = new Map<
    string,
    { readonly version: string; readonly resource: XdsResource; readonly list: ResourceList }
  >()

  /** For all agents of a cluster with these roots, as PEM. */
  of(cluster: string, roots: readonly string[]): { readonly resource: XdsResource; readonly list: ResourceList } {
    const bytes = toBinary(ProxyConfigSchema, create(ProxyConfigSchema, { caCertificatesPem: [...roots] }))
    const version = versionOf(bytes)
    const known = this.#known.get(cluster)
    if (known?.version === version) return known
    const resource = new XdsResource(typeUrls.agentConfig, agentConfigName, { pieces: [bytes], version, origin: [] })
    const made = { version, resource, list: { names: [agentConfigName], revision: {} } }
    this.#known.set(cluster, made)
    return made
  }
}

/** Agents ask for no name: there is one. */
export const agentConfigName = 'trust'
