// TLS of gateways, towards clients and towards servers.
import { enumeration, list, object, string } from '../dsl.ts'

export const clientTls = object(
  {
    mode: enumeration(['DISABLED', 'SIMPLE', 'MUTUAL', 'AUTO']),
    secretName: string(),
    files: object({ clientCertificate: string(), privateKey: string(), caCertificates: string() }),
    subjectAltNames: list(string()),
  },
  { atMostOne: [['secretName', 'files']] },
)

const protocolVersion = enumeration(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'])

export const serverTls = object(
  {
    mode: enumeration(['DISABLED', 'SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL']),
    secretName: string({ description: 'Secret of the gateway’s namespace, or NAMESPACE/NAME.' }),
    files: object({ serverCertificate: string(), privateKey: string(), caCertificates: string() }),
    subjectAltNames: list(string()),
    minProtocolVersion: protocolVersion,
    maxProtocolVersion: protocolVersion,
    cipherSuites: list(string()),
  },
  { atMostOne: [['secretName', 'files']] },
)
