// Writes gen/envoy-types.js: the descriptors of all of Envoy's configuration and extensions, as one text. Reading it takes
// a fraction of what importing their modules would, and only who needs a type that is known by name at run time reads it.
// Run by tools/gen.mjs, after the modules are there.
import { readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { clone, create, toBinary } from '@bufbuild/protobuf'
import {
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
} from '@bufbuild/protobuf/wkt'

const gen = join(dirname(import.meta.dirname), 'gen')
const wanted = /^(envoy\/(config|extensions|type)|xds|udpa\/type)\/.*_pb\.js$/

const found = new Map()
const add = (file) => {
  if (found.has(file.name)) return
  for (const each of file.dependencies) add(each)
  found.set(file.name, file)
}
for (const path of readdirSync(gen, { recursive: true }).sort((a, b) => (a < b ? -1 : 1))) {
  if (!wanted.test(path)) continue
  const module = await import(join(gen, path))
  add(Object.values(module).find(({ kind }) => kind === 'file'))
}

/** Options say nothing that reading JSON needs, but whether a field is deprecated. */
function slim(message) {
  delete message.options
  for (const field of message.field) {
    const { deprecated } = field.options ?? {}
    delete field.options
    if (deprecated) field.options = create(FieldOptionsSchema, { deprecated })
  }
  for (const each of message.nestedType) {
    const entry = each.options?.mapEntry === true
    slim(each)
    if (entry) each.options = create(MessageOptionsSchema, { mapEntry: true })
  }
}

const set = create(FileDescriptorSetSchema, {
  file: [...found.values()].map(({ proto }) => {
    const file = clone(FileDescriptorProtoSchema, proto)
    delete file.options
    for (const message of file.messageType) slim(message)
    file.service = []
    file.extension = []
    return file
  }),
})
const bytes = toBinary(FileDescriptorSetSchema, set)
const text = Buffer.from(bytes).toString('base64')
writeFileSync(
  join(gen, 'envoy-types.js'),
  `// Written by tools/gen-types.mjs.\n/** A FileDescriptorSet in base64. */\nexport const envoyTypes =\n  '${text}'\n`,
)
writeFileSync(
  join(gen, 'envoy-types.d.ts'),
  '// Written by tools/gen-types.mjs.\n/** A FileDescriptorSet in base64. */\nexport declare const envoyTypes: string\n',
)
console.log(
  `gen/envoy-types.js: ${found.size} files, ${text.length} characters (${deflateRawSync(bytes).length} bytes packed)`,
)
