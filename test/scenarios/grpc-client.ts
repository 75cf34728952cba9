// A program that calls a gRPC service by its xDS name, as often as it is told, and says who answered.
import { credentials, Metadata, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js'
import { register } from '@grpc/grpc-js-xds'

register()

const Echo = makeGenericClientConstructor(
  {
    Say: {
      path: '/echo.Echo/Say',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: unknown) => Buffer.from(String(value)),
      requestDeserialize: (bytes: Buffer) => bytes.toString(),
      responseSerialize: (value: unknown) => Buffer.from(String(value)),
      responseDeserialize: (bytes: Buffer) => bytes.toString(),
    },
  },
  'Echo',
)

const client = new Echo(process.argv[2] ?? '', credentials.createInsecure())

function say(headers: Readonly<Record<string, string>>): Promise<string> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/echo.Echo/Say',
      (value: string) => Buffer.from(value),
      (bytes: Buffer) => bytes.toString(),
      'hello',
      metadata,
      { deadline: Date.now() + 5000 },
      (error: ServiceError | null, reply?: string) => resolve(error ? `error ${error.code}` : (reply ?? '')),
    )
  })
}

process.on('message', (message: { count: number; headers: Record<string, string> }) => {
  void Promise.all(Array.from({ length: message.count }, () => say(message.headers))).then((replies) => {
    const shares: Record<string, number> = {}
    for (const reply of replies) shares[reply] = (shares[reply] ?? 0) + 1
    process.send?.({ shares })
  })
})
