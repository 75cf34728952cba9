import { HeaderValueOption_HeaderAppendAction } from '#gen/envoy/config/core/v3/base_pb.js'
import type { LocalReplyConfigSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { undeliveredHeader } from '../names.ts'
import type { Init } from '../proto.ts'

/**
 * Response flags of requests that surely never reached the program: no connection to it came about (UF), it takes no
 * more (UO), it is not there (UH).
 */
const undeliveredFlags = ['UF', 'UO', 'UH']

/** Tells peers of the mesh that a request was never handed to the program, so that they may send it elsewhere. */
export const undeliveredReplies: Init<typeof LocalReplyConfigSchema> = {
  mappers: [
    {
      filter: { filterSpecifier: { case: 'responseFlagFilter', value: { flags: undeliveredFlags } } },
      headersToAdd: [
        {
          header: { key: undeliveredHeader, value: 'true' },
          appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        },
      ],
    },
  ],
}
