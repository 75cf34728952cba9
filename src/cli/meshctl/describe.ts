// `meshctl describe`: what was found, and which configuration is in force for it.
import type { Command } from 'commander'
import type { KubeObject } from '../../resources/index.ts'
import { field, grid, references } from './grid.ts'
import { asMap, attempt, type ManagementFlags, managementFlags, withManagement } from './management.ts'

type Json = Readonly<Record<string, unknown>>

interface Ref {
  readonly name?: string
  readonly namespace?: string
  readonly clusterName?: string
}

/** Parts of objects that are shown; the control plane and the kinds' schemas vouch for their form. */
interface Selector {
  readonly kubeWorkloadMatcher?: {
    readonly labels?: Labels
    readonly namespaces?: string[]
    readonly clusters?: string[]
  }
  readonly kubeServiceRefs?: { readonly services?: readonly Ref[] }
  readonly kubeServiceAccountRefs?: { readonly serviceAccounts?: readonly Ref[] }
}
type Labels = Readonly<Record<string, string>>

interface Description {
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  readonly group: string
  readonly kind: string
  readonly heading: readonly string[]
  readonly row: (object: KubeObject) => readonly string[]
}

const refsOf = (items: unknown): (Ref | undefined)[] =>
  Array.isArray(items) ? items.map((item) => (asMap(item)['ref'] ?? undefined) as Ref | undefined) : []
const own = ({ metadata: { name, namespace = '' } }: KubeObject): string => references([{ name, namespace }])
const fields = (labels: Labels = {}): string =>
  Object.entries(labels)
    .map(([key, value]) => field(key, value))
    .join('')
const listed = (values: readonly unknown[] | undefined): string => (values ?? []).map(String).join(', ')
const selectors = (value: unknown): readonly Selector[] => (Array.isArray(value) ? (value as Selector[]) : [])
const services = (value: unknown): string =>
  references(selectors(value).flatMap(({ kubeServiceRefs }) => kubeServiceRefs?.services ?? []))

const meshTypes: Readonly<Record<string, string>> = {
  istio: 'istio',
  linkerd: 'linkerd',
  consulConnect: 'consulconnect',
  osm: 'osm',
}

const discovery = 'discovery.mesh.gloo.solo.io'
const networking = 'networking.mesh.gloo.solo.io'

const descriptions: readonly Description[] = [
  {
    name: 'mesh',
    aliases: ['meshes'],
    summary: 'Description of discovered meshes',
    group: discovery,
    kind: 'Mesh',
    heading: ['Metadata', 'Virtual_Mesh', 'Virtual_Destinations'],
    row: ({ metadata, spec, status }) => {
      const [kind = ''] = Object.keys(meshTypes).filter((each) => asMap(spec)[each] !== undefined)
      const at = asMap(asMap(asMap(spec)[kind])['installation']) as Record<string, string>
      const meta = [
        field('Name', metadata.name),
        field('Namespace', at['namespace']),
        field('Cluster', at['cluster']),
        field('Type', meshTypes[kind]),
        field('Region', at['region']),
        field('Version', at['version']),
      ]
      const applied = asMap(asMap(status)['appliedVirtualMesh'])['ref'] as Ref | undefined
      return [meta.join(''), references([applied]), references(refsOf(asMap(status)['appliedVirtualDestinations']))]
    },
  },
  {
    name: 'workload',
    aliases: ['workloads'],
    summary: 'Description of discovered workloads',
    group: discovery,
    kind: 'Workload',
    heading: ['Metadata', 'Kubernetes', 'Mesh'],
    row: (object) => {
      const { kubernetes, mesh } = asMap(object.spec) as { kubernetes?: Json; mesh?: Ref }
      const labels = kubernetes?.['podLabels'] as Labels | undefined
      const parts = [
        field('Service Account', kubernetes?.['serviceAccountName'] as string | undefined),
        ...(labels === undefined ? [] : [`\nPOD LABELS\n${fields(labels)}`]),
        `\nCONTROLLER\n${references([kubernetes?.['controller'] as Ref | undefined])}`,
      ]
      return [own(object), parts.join(''), references([mesh])]
    },
  },
  {
    name: 'destination',
    aliases: ['destinations'],
    summary: 'Description of discovered Destinations',
    group: discovery,
    kind: 'Destination',
    heading: ['Metadata', 'Traffic_Policies', 'Access_Policies'],
    row: ({ spec, status, metadata }) => {
      const { kubeService, externalService } = asMap(spec) as {
        kubeService?: { readonly ref?: Ref }
        externalService?: { readonly name?: string; readonly hosts?: readonly string[] }
      }
      const ref = kubeService?.ref ?? { name: externalService?.name ?? metadata.name }
      const federation = asMap(asMap(status)['appliedFederation']) as { federatedHostname?: string }
      const meta = [
        field('Name', ref.name),
        field('Namespace', ref.namespace),
        field('Cluster', ref.clusterName),
        field('Type', kubeService === undefined ? 'external service' : 'kubernetes service'),
        field('Hosts', listed(externalService?.hosts)),
        field('Federated DNS Name', federation.federatedHostname),
      ]
      const applied = (key: string): string => references(refsOf(asMap(status)[key]))
      return [meta.join(''), applied('appliedTrafficPolicies'), applied('appliedAccessPolicies')]
    },
  },
  {
    name: 'virtualmesh',
    aliases: ['virtualmeshes', 'vmesh', 'vmeshes'],
    summary: 'Description of virtual meshes',
    group: networking,
    kind: 'VirtualMesh',
    heading: ['Metadata', 'Net', 'Meshes'],
    row: (object) => {
      const { globalAccessPolicy = 'MESH_DEFAULT', meshes = [] } = asMap(object.spec) as {
        globalAccessPolicy?: string
        meshes?: readonly Ref[]
      }
      return [own(object), field('Global Access Policy', globalAccessPolicy), references(meshes)]
    },
  },
  {
    name: 'trafficpolicy',
    aliases: ['trafficpolicies'],
    summary: 'Description of traffic policies',
    group: networking,
    kind: 'TrafficPolicy',
    heading: ['Metadata', 'Source_Workloads', 'Destination_Services', 'HTTP_Matchers'],
    row: (object) => {
      const { sourceSelector, destinationSelector, httpRequestMatchers } = asMap(object.spec)
      return [own(object), workloads(sourceSelector), services(destinationSelector), matchers(httpRequestMatchers)]
    },
  },
  {
    name: 'accesspolicy',
    aliases: ['accesspolicies'],
    summary: 'Description of access policies',
    group: networking,
    kind: 'AccessPolicy',
    heading: ['Metadata', 'Filters', 'Source_Service_Accounts', 'Destination_Services'],
    row: (object) => {
      const spec = asMap(object.spec)
      const lines = [
        field('Allowed Paths', listed(spec['allowedPaths'] as string[] | undefined)),
        field('Allowed Methods', listed(spec['allowedMethods'] as string[] | undefined)),
        field('Allowed Ports', listed(spec['allowedPorts'] as number[] | undefined)),
      ]
      const accounts = selectors(spec['sourceSelector']).flatMap(
        (each) => each.kubeServiceAccountRefs?.serviceAccounts ?? [],
      )
      return [own(object), lines.join(''), references(accounts), services(spec['destinationSelector'])]
    },
  },
]

function workloads(value: unknown): string {
  return selectors(value)
    .map(({ kubeWorkloadMatcher: matcher = {} }) =>
      [
        field('Namespaces', listed(matcher.namespaces)),
        field('Clusters', listed(matcher.clusters)),
        `LABELS\n${fields(matcher.labels)}`,
      ].join(''),
    )
    .join('\n')
}

interface Named {
  readonly name?: string
  readonly value?: string
  readonly regex?: boolean
}

interface Matcher {
  readonly uri?: { readonly prefix?: string; readonly exact?: string; readonly regex?: string }
  readonly prefix?: string
  readonly exact?: string
  readonly regex?: string
  readonly method?: string
  readonly headers?: readonly Named[]
  readonly queryParameters?: readonly Named[]
}

function matchers(value: unknown): string {
  const named = (items: readonly Named[] = []): string =>
    items.map(({ name = '', value: text = '', regex }) => field(name, regex ? `${text} (regex)` : text)).join('')
  return (Array.isArray(value) ? (value as Matcher[]) : [])
    .map(({ uri, prefix, exact, regex, method, headers, queryParameters }) =>
      [
        field('Prefix', uri?.prefix ?? prefix),
        field('Exact', uri?.exact ?? exact),
        field('Regex', uri?.regex ?? regex),
        field('Method', method),
        `HEADERS\n${named(headers)}`,
        `QUERY PARAMETERS\n${named(queryParameters)}`,
      ].join(''),
    )
    .join('\n')
}

/** The table of a kind. `search`: only objects whose name contains one of these; none: all. */
export function describeObjects(name: string, objects: readonly KubeObject[], search: readonly string[]): string {
  const description = descriptions.find((each) => each.name === name)
  if (description === undefined) throw new Error(`meshctl describes no ${name}`)
  const shown = objects.filter(
    ({ metadata }) => search.length === 0 || search.some((term) => metadata.name.includes(term)),
  )
  return `${grid(description.heading, shown.map(description.row))}\n`
}

interface DescribeFlags extends ManagementFlags {
  readonly search: readonly string[]
}

export function register(program: Command): void {
  const describe = program
    .command('describe')
    .description('Human readable description of discovered resources and applicable configuration')
  const collect = (text: string, before: readonly string[]): readonly string[] => [...before, ...text.split(',')]
  for (const { name, aliases, summary, group, kind } of descriptions)
    managementFlags(describe.command(name).aliases(aliases))
      .description(summary)
      .option('-s, --search <terms>', 'only names that contain one of these (commas between)', collect, [])
      .action((flags: DescribeFlags, command: Command) =>
        attempt(command, () =>
          withManagement(flags, async (cluster) => {
            console.log(describeObjects(name, await cluster.list(group, kind), flags.search))
          }),
        ),
      )
}
