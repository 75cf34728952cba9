// rateLimiting of gateways and traffic settings.
import { boolean, enumeration, list, map, object, protoDuration, string, uint32 } from '../dsl.ts'
import { stringMatch } from './common.ts'
import { clientTls } from './tls.ts'

const unit = enumeration(['UNKNOWN', 'SECOND', 'MINUTE', 'HOUR', 'DAY', 'MONTH', 'YEAR'])

const remoteAddress = object({ value: string({ description: 'An address, or "*" for each of its own.' }) })

const externalService = object({
  domain: string(),
  rateLimitServerUri: string(),
  rules: list(
    object({
      dimensions: list(
        object(
          {
            sourceCluster: object({}),
            destinationCluster: object({}),
            remoteAddress: object({}),
            requestHeaders: object({ headerName: string(), descriptorKey: string() }),
            headerValueMatch: object({ headers: map(stringMatch), descriptorValue: string(), dontMatch: boolean() }),
          },
          {
            atMostOne: [['sourceCluster', 'destinationCluster', 'remoteAddress', 'requestHeaders', 'headerValueMatch']],
          },
        ),
      ),
    }),
  ),
  failClosed: boolean(),
  timeout: protoDuration(),
  tls: clientTls,
})

export const rateLimiting = object(
  {
    settings: object({
      rules: list(
        object({
          dimensions: list(
            object(
              { header: object({ name: string(), value: stringMatch, dontMatch: boolean() }), remoteAddress },
              { atMostOne: [['header', 'remoteAddress']] },
            ),
          ),
          limit: object({ requestsPerUnit: uint32(), unit }),
        }),
      ),
      failClosed: boolean(),
      timeout: protoDuration(),
    }),
    externalService,
    local: object({
      rules: list(
        object({
          dimensions: list(
            object(
              { header: object({ name: string(), value: stringMatch, dontMatch: boolean() }), remoteAddress },
              { atMostOne: [['header', 'remoteAddress']] },
            ),
          ),
          tokenBucket: object({ maxTokens: uint32(), tokensPerFill: uint32(), fillInterval: protoDuration() }),
        }),
      ),
      maxWildcardDimensions: uint32(),
    }),
  },
  { atMostOne: [['settings', 'externalService', 'local']] },
)
