// Generates gen/ (Envoy's v3 API as protobuf-es code) from the .proto files that @grpc/grpc-js-xds ships,
// with the overlay files of proto/ on top for what is newer or missing there. Run: npm run gen.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

const root = dirname(import.meta.dirname)
const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps')
const work = mkdtempSync(join(tmpdir(), 'fairlead-gen-'))

/** Folders of no use to a v3 control plane, and files whose imports are shipped nowhere. */
const left = [
  /\/v[12]\//,
  /\/v2alpha\d*\//,
  /\/v1alpha\//,
  /\/v3alpha\//,
  /\/v4alpha\//,
  /^google\/api\/(?!http\.|annotations\.|expr\/v1alpha1\/(syntax|checked)\.)/,
  /^google\/rpc\/(?!status\.)/,
  /^envoy\/config\/trace\/v3\/(opencensus|trace)\.proto/,
  /^envoy\/service\/(metrics|trace|tap|ratelimit|event_reporting|ext_proc|rate_limit_quota|load_stats)\//,
  /^envoy\/extensions\/stat_sinks\/graphite/,
  /^envoy\/(watchdog|annotations\/x)/,
  /^envoy\/config\/filter\//,
]
const keep = [/^udpa\/type\/v1\//, /^google\/api\/expr\/v1alpha1\/(syntax|checked)\./, /^opentelemetry\//]

function files(dir, base = dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory()
      ? files(join(dir, e.name), base)
      : e.name.endsWith('.proto')
        ? [relative(base, join(dir, e.name))]
        : [],
  )
}

for (const tree of ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']) {
  for (const file of files(join(deps, tree))) {
    if (/^(java|tests)\//.test(file)) continue
    if (left.some((r) => r.test(file)) && !keep.some((r) => r.test(file))) continue
    if (/service\/.*\/v2\//.test(file)) continue
    mkdirSync(dirname(join(work, file)), { recursive: true })
    cpSync(join(deps, tree, file), join(work, file))
  }
}
cpSync(join(root, 'proto'), work, { recursive: true })

// Fields that Envoy has and the shipped files do not (numbers as published): `fields` come first in the message.
const newer = [
  {
    file: 'envoy/config/cluster/v3/circuit_breaker.proto',
    message: 'RetryBudget',
    imports: ['google/protobuf/duration.proto'],
    fields: 'google.protobuf.Duration budget_interval = 3;',
  },
  {
    file: 'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
    message: 'HttpProtocolOptions',
    imports: ['envoy/config/common/matcher/v3/matcher.proto'],
    fields: `message OutlierDetection { config.common.matcher.v3.MatchPredicate error_matcher = 1; }
  OutlierDetection outlier_detection = 8;`,
  },
]
for (const { file, message, imports, fields } of newer) {
  const path = join(work, file)
  const imported = imports.map((name) => `import "${name}";\n`).join('')
  const own = readFileSync(path, 'utf8')
    .replace(/^import /m, `${imported}import `)
    .replace(`message ${message} {`, `message ${message} {\n  ${fields}`)
  writeFileSync(path, own)
}

// The shipped validate.proto is older than the rules that the API uses.
const validate = join(work, 'validate/validate.proto')
let text = readFileSync(validate, 'utf8')
for (const message of [
  'StringRules',
  'BytesRules',
  'RepeatedRules',
  'MapRules',
  'DurationRules',
  'UInt32Rules',
  'UInt64Rules',
  'Int32Rules',
  'Int64Rules',
  'FloatRules',
  'DoubleRules',
]) {
  const start = text.indexOf(`message ${message} {`)
  const end = text.indexOf('\n}', start)
  if (start >= 0 && !text.slice(start, end).includes('ignore_empty')) {
    text = `${text.slice(0, end)}\n    optional bool ignore_empty = 99;${text.slice(end)}`
  }
}
writeFileSync(validate, text)

writeFileSync(join(work, 'buf.yaml'), 'version: v2\n')
writeFileSync(
  join(work, 'buf.gen.yaml'),
  `version: v2
plugins:
  - local: ${JSON.stringify(join(root, 'node_modules/.bin/protoc-gen-es'))}
    out: out
    opt: [target=js+dts, import_extension=js, json_types=false]
`,
)
try {
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate'], { cwd: work, stdio: 'inherit' })
  rmSync(join(root, 'gen'), { recursive: true, force: true })
  cpSync(join(work, 'out'), join(root, 'gen'), { recursive: true })
} finally {
  rmSync(work, { recursive: true, force: true })
}
await import('./gen-types.mjs')
await import('./gen-kubernetes.mjs')
