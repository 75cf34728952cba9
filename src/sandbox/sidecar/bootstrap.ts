// Envoy's bootstrap: who it is, and where its configuration comes from. Everything else comes over ADS.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlPlaneName, type ProxyOptions, proxyPorts } from './options.ts'

/** Files of an Envoy, below its directory. */
export function proxyFiles(directory: string) {
  return {
    bootstrap: join(directory, 'envoy.json'),
    /** Holds the secret resources for Envoy, which watches it. */
    certificates: join(directory, 'certificates'),
    certificateSecret: join(directory, 'certificates', 'certificate-secret.json'),
    rootsSecret: join(directory, 'certificates', 'roots-secret.json'),
    log: join(directory, 'envoy.log'),
  }
}

const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'

/** What an Envoy needs to prove who it is to the control plane, and to know the control plane, as PEM. */
export interface AgentCertificate {
  readonly chain: string
  readonly key: string
  readonly roots: string
}

/**
 * Secrets as files, so that Envoy takes up a renewed certificate of its own for new connections to the control plane.
 * They hold the PEM itself: an Envoy that has to watch PEM files besides takes twice as many inotify instances, of which
 * a Linux user has 128 unless told otherwise.
 */
export function secretFiles(
  directory: string,
  { chain, key, roots }: AgentCertificate,
): { path: string; content: unknown }[] {
  const files = proxyFiles(directory)
  const certificate = { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }
  return [
    {
      path: files.certificateSecret,
      content: { resources: [{ '@type': secretType, name: 'agent', tls_certificate: certificate }] },
    },
    {
      path: files.rootsSecret,
      content: {
        resources: [
          { '@type': secretType, name: 'agent-roots', validation_context: { trusted_ca: { inline_string: roots } } },
        ],
      },
    },
  ]
}

/** The certificate that an agent put in place, if there is one; with what is behind it. */
export function heldCertificate(directory: string): Pick<AgentCertificate, 'chain' | 'key'> | undefined {
  try {
    const { resources } = JSON.parse(readFileSync(proxyFiles(directory).certificateSecret, 'utf8')) as {
      resources: { tls_certificate: { certificate_chain: DataSource; private_key: DataSource } }[]
    }
    const secret = resources[0]?.tls_certificate
    return secret && { chain: secret.certificate_chain.inline_string, key: secret.private_key.inline_string }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

interface DataSource {
  inline_string: string
}

/** The node id as istiod expects it: type, address, pod, DNS domain. */
export function nodeId({
  role,
  address,
  knownAs = address,
  pod,
}: Pick<ProxyOptions, 'role' | 'address' | 'knownAs' | 'pod'>): string {
  const type = role === 'gateway' ? 'router' : 'sidecar'
  return `${type}~${knownAs}~${pod.name}.${pod.namespace}~${pod.namespace}.svc.cluster.local`
}

/** Node metadata: Istio's keys, and those that tell of the loopback data path. */
export function nodeMetadata(options: ProxyOptions): Record<string, unknown> {
  const { pod } = options
  const workload = pod.workloadName ?? pod.name
  return {
    ...options.metadata,
    NAME: pod.name,
    NAMESPACE: pod.namespace,
    LABELS: pod.labels,
    ANNOTATIONS: Object.fromEntries(
      Object.entries(pod.annotations).filter(([key]) => /istio\.io|fairlead\.dev/.test(key)),
    ),
    SERVICE_ACCOUNT: pod.serviceAccount,
    CLUSTER_ID: options.cluster,
    NETWORK: options.network,
    MESH_ID: 'cluster.local',
    INSTANCE_IPS: options.knownAs ?? options.address,
    WORKLOAD_NAME: workload,
    ...(pod.nodeName !== '' && {
      NODE_NAME: pod.nodeName,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${pod.namespace}/deployments/${workload}`,
    }),
    ISTIO_VERSION: '1.30.0',
    FAIRLEAD_DATA_PATH: 'loopback',
    FAIRLEAD_INBOUND_PORTS: options.ports,
    ...(Object.keys(options.machines ?? {}).length > 0 && { FAIRLEAD_MACHINES: options.machines }),
    ...(options.appAddress === undefined ? {} : { FAIRLEAD_APP_ADDRESS: options.appAddress }),
  }
}

/** The whole bootstrap, in proto3 JSON of envoy.config.bootstrap.v3.Bootstrap. */
export function bootstrap(options: ProxyOptions): unknown {
  const { region, zone, subzone } = options.locality
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' }
  return {
    node: {
      id: nodeId(options),
      cluster: `${options.pod.labels['app'] ?? options.pod.workloadName ?? options.pod.name}.${options.pod.namespace}`,
      locality: { region, zone, ...(subzone === undefined ? {} : { sub_zone: subzone }) },
      metadata: nodeMetadata(options),
    },
    admin: { address: socketAddress(options.address, proxyPorts.admin) },
    bootstrap_extensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener',
        },
      },
    ],
    // Peers are told apart by their address, as in a real cluster.
    cluster_manager: { upstream_bind_config: { source_address: { address: options.address, port_value: 0 } } },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        // A control plane that was restarted is to be found again within seconds, though not by all proxies at once.
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'xds-grpc',
              retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '5s' } },
            },
          },
        ],
      },
    },
    static_resources: {
      clusters: [controlPlaneCluster(options), adminCluster(options.address)],
      listeners: [
        adminPage('ready', options.address, proxyPorts.health, '/healthz/ready', '/ready'),
        adminPage('metrics', options.address, proxyPorts.metrics, '/stats/prometheus', '/stats/prometheus'),
      ],
    },
    deferred_stat_options: { enable_deferred_creation_stats: true },
    layered_runtime: {
      layers: [
        {
          name: 'static',
          static_layer: {
            're2.max_program_size.error_level': 32768,
            'envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst': true,
            'overload.global_downstream_max_connections': 2147483647,
          },
        },
      ],
    },
  }
}

function controlPlaneCluster(options: ProxyOptions): unknown {
  const files = proxyFiles(options.directory)
  const [host = '', port = ''] = options.xds.address.split(/:(?=\d+$)/)
  const file = (path: string) => ({
    path_config_source: { path, watched_directory: { path: files.certificates } },
    resource_api_version: 'V3',
  })
  return {
    name: 'xds-grpc',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: 'xds-grpc',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(host, Number(port)) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '5s' } },
        },
      },
    },
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        sni: controlPlaneName,
        common_tls_context: {
          alpn_protocols: ['h2'],
          tls_certificate_sds_secret_configs: [{ name: 'agent', sds_config: file(files.certificateSecret) }],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: controlPlaneName } }],
            },
            validation_context_sds_secret_config: { name: 'agent-roots', sds_config: file(files.rootsSecret) },
          },
        },
      },
    },
  }
}

function adminCluster(address: string): unknown {
  return {
    name: 'envoy-admin',
    type: 'STATIC',
    connect_timeout: '0.25s',
    load_assignment: {
      cluster_name: 'envoy-admin',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(address, proxyPorts.admin) } }] }],
    },
  }
}

/** One page of the administration interface on a port of its own, for those who may ask for nothing else. */
function adminPage(name: string, address: string, port: number, path: string, page: string): unknown {
  const filters = 'type.googleapis.com/envoy.extensions.filters'
  return {
    name: `fairlead_${name}`,
    address: socketAddress(address, port),
    enable_reuse_port: false,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: `fairlead_${name}`,
              route_config: {
                virtual_hosts: [
                  {
                    name,
                    domains: ['*'],
                    routes: [{ match: { path }, route: { cluster: 'envoy-admin', prefix_rewrite: page } }],
                  },
                ],
              },
              http_filters: [
                { name: 'envoy.filters.http.router', typed_config: { '@type': `${filters}.http.router.v3.Router` } },
              ],
            },
          },
        ],
      },
    ],
  }
}

function socketAddress(address: string, port: number): unknown {
  return { socket_address: { address, port_value: port } }
}
