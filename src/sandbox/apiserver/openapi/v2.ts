// OpenAPI v2: clients ask for it where v3 does not know a kind, and take an empty one as "nothing known".

const text = (field: number, value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes])
}

/** The least document, as the gnostic protobuf message that kubectl asks for. */
export function emptyV2(version: string): Buffer {
  const [swagger, info, paths, definitions] = [1, 2, 8, 9]
  const about = Buffer.concat([text(1, 'Kubernetes'), text(2, version)])
  return Buffer.concat([
    text(swagger, '2.0'),
    Buffer.from([(info << 3) | 2, about.length]),
    about,
    Buffer.from([(paths << 3) | 2, 0]),
    Buffer.from([(definitions << 3) | 2, 0]),
  ])
}
