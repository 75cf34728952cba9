import type { Any } from '@bufbuild/protobuf/wkt'
import { FilterStateValue_SharedWithUpstream } from '#gen/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js'
import { ConfigSchema } from '#gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js'
import type { HttpFilter } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { World } from '../../../discovery/index.ts'
import type { Binding } from '../../../mesh/index.ts'
import { policyOf } from '../endpoints/client.ts'
import { pack } from '../proto.ts'
import { httpFilter } from './http-connection-manager.ts'

export const meshProtocolsFilter = 'envoy.filters.http.set_filter_state'

/** Does nothing but where a route tells it to. */
export const meshProtocols: HttpFilter = httpFilter(meshProtocolsFilter, ConfigSchema)

/**
 * Says in the TLS hello that HTTP is inside. A port that declares no protocol is looked into by both sides; the far one
 * cannot look into what is encrypted, so it goes by this.
 */
const httpInside: Any = pack(ConfigSchema, {
  onRequestHeaders: [
    {
      key: { case: 'objectKey', value: 'envoy.network.application_protocols' },
      value: {
        case: 'formatString',
        value: {
          format: {
            case: 'textFormatSource',
            value: { specifier: { case: 'inlineString', value: 'istio-http/1.1,istio' } },
          },
        },
      },
      sharedWithUpstream: FilterStateValue_SharedWithUpstream.ONCE,
    },
  ],
})

/** What a route to a port of a service tells the filter. TLS that a rule asks for is nobody's of the mesh. */
export function meshProtocolsConfig(world: World, binding: Binding | undefined, number: number): Record<string, Any> {
  const port = binding?.service.ports.find((each) => each.number === number)
  if (!binding || port?.protocol !== 'auto') return {}
  const { tls } = policyOf(world, { name: '', binding, port, subset: '', mode: 'outbound' })
  return tls?.mode === 'SIMPLE' || tls?.mode === 'MUTUAL' ? {} : { [meshProtocolsFilter]: httpInside }
}
