// Which form of an answer a client wants: JSON or YAML, and whole objects, tables or metadata only.
import { ApiError } from '../errors.ts'

export interface Format {
  readonly media: 'json' | 'yaml'
  readonly as: 'Object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
}

interface MediaRange {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

export function parseAccept(header: string | undefined): MediaRange[] {
  const ranges = (header || '*/*').split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((s) => s.trim())
    const parameters: Record<string, string> = {}
    for (const item of rest) {
      const [key = '', value = ''] = item.split('=')
      parameters[key.trim()] = value.trim()
    }
    return { type: type.toLowerCase(), parameters }
  })
  return ranges
    .map((range, i) => ({ range, i, q: Number(range.parameters['q'] ?? '1') }))
    .sort((a, b) => b.q - a.q || a.i - b.i)
    .map(({ range }) => range)
}

const forms = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'] as const

/** The first form of the Accept header that can be served. Throws ApiError (406). */
export function negotiate(header: string | undefined): Format {
  for (const { type, parameters } of parseAccept(header)) {
    const media =
      type === 'application/json' || type === '*/*' || type === 'application/*'
        ? 'json'
        : type === 'application/yaml' || type === 'application/vnd.yaml'
          ? 'yaml'
          : undefined
    if (!media) continue
    const wanted = parameters['as']
    if (wanted === undefined) return { media, as: 'Object' }
    const as = forms.find((f) => f === wanted)
    if (as && parameters['g'] === 'meta.k8s.io' && parameters['v'] === 'v1') return { media, as }
  }
  throw new ApiError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/json;stream=watch',
    {},
  )
}
