import { create } from '@bufbuild/protobuf'
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js'
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import type { World } from '../../../discovery/index.ts'
import { inboundTargets, type Proxy } from '../../../mesh/index.ts'
import { inboundModes, modeOfPort } from '../../../mesh/security/index.ts'
import { address } from '../address.ts'
import type { Built } from '../built.ts'
import { faultFilter } from '../filters/fault.ts'
import { httpFilter } from '../filters/http-connection-manager.ts'
import { filterNames } from '../filters/names.ts'
import { securityFilters } from '../filters/security.ts'
import { extensionConfig, noTimeout, pack } from '../proto.ts'
import { providerInstance, serverPrefix } from './names.ts'

const router = httpFilter('envoy.filters.http.router', RouterSchema)

/** What a client is given for the name that it dials: where its routes are. */
export function clientListener(name: string, routes: string): Listener {
  const manager = pack(HttpConnectionManagerSchema, {
    statPrefix: 'outbound',
    routeSpecifier: {
      case: 'rds',
      value: {
        routeConfigName: routes,
        configSource: {
          configSourceSpecifier: { case: 'ads', value: {} },
          initialFetchTimeout: noTimeout,
          resourceApiVersion: ApiVersion.V3,
        },
      },
    },
    httpFilters: [httpFilter(faultFilter, HTTPFaultSchema), router],
  })
  return create(ListenerSchema, { name, apiListener: { apiListener: manager } })
}

/** The listeners of a server, for every address that it may bind its ports to. */
export function serverListeners(world: World, proxy: Proxy): Built<Listener>[] {
  const policies = securityFilters(world, proxy)
  const modes = inboundModes(world, proxy)
  // Of Envoy's filters servers know this one; tokens are for their programs.
  const filters = policies.http.filter(({ name }) => name === filterNames.httpRbac)
  const origin = [...modes.origin, ...policies.origin]
  const hosts = ['0.0.0.0', '::', ...proxy.addresses]
  return inboundTargets(world, proxy).flatMap(({ port, services }) =>
    hosts.map((host) => ({
      resource: serverListener(host, port, filters, modeOfPort(modes, port) === 'STRICT'),
      origin: [...services.flatMap((service) => service.origin), ...origin],
    })),
  )
}

function serverListener(host: string, port: number, filters: readonly HttpFilter[], mutual: boolean): Listener {
  const routes = {
    name: 'inbound',
    virtualHosts: [
      {
        name: 'inbound',
        domains: ['*'],
        routes: [
          {
            match: { pathSpecifier: { case: 'prefix', value: '/' } as const },
            action: { case: 'nonForwardingAction', value: {} } as const,
          },
        ],
      },
    ],
  }
  const manager = extensionConfig('inbound', HttpConnectionManagerSchema, {
    statPrefix: 'inbound',
    routeSpecifier: { case: 'routeConfig', value: routes },
    httpFilters: [...filters, router],
  })
  return create(ListenerSchema, {
    name: `${serverPrefix}${host.includes(':') ? `[${host}]` : host}:${port}`,
    address: address(host, port),
    trafficDirection: TrafficDirection.INBOUND,
    filterChains: [{ name: 'inbound', filters: [manager], ...(mutual && { transportSocket: mutualTls }) }],
  })
}

const provider = { instanceName: providerInstance, certificateName: 'default' }

const mutualTls = extensionConfig('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
  requireClientCertificate: true,
  commonTlsContext: {
    tlsCertificateProviderInstance: provider,
    validationContextType: {
      case: 'validationContext',
      value: { caCertificateProviderInstance: { ...provider, certificateName: 'ROOTCA' } },
    },
  },
})
