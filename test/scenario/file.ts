// The form of an acceptance file (test/conformance/seeds/README.md), and how one is read. A file that cannot be read,
// an unknown field or verb, and a step without a check are errors here, before anything is started.
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { type Static, type TSchema, Type } from 'typebox'
import { LineCounter, parseDocument } from 'yaml'
import { type FaultKind, faultKinds } from '../../src/sandbox/faults/index.ts'

const strict = { additionalProperties: false }
const text = Type.String()
const texts = Type.Array(text)
const map = <T extends TSchema>(of: T) => Type.Record(Type.String(), of)
const opt = Type.Optional

const answerClass = Type.Object({ by: opt(text), body: opt(text) }, strict)
const statusExpectation = Type.Union([Type.Integer(), map(Type.Number())])
const callExpectation = {
  status: opt(statusExpectation),
  shares: opt(map(Type.Number())),
  only: opt(texts),
  body: opt(text),
  notBody: opt(text),
  header: opt(map(text)),
  maxMs: opt(Type.Number()),
}
const volume = {
  count: opt(Type.Integer({ minimum: 1 })),
  parallel: opt(Type.Integer({ minimum: 1 })),
  rate: opt(Type.Number({ exclusiveMinimum: 0 })),
}
const kubectl = Type.Union([Type.Literal('kubectl'), Type.Literal('tctl')])
const sample = {
  context: text,
  sample: text,
  namespace: text,
  only: opt(texts),
  replicas: opt(Type.Integer({ minimum: 0 })),
  noSidecar: opt(Type.Boolean()),
}

/** Fields of each verb. `eventually` and `always` hold verbs themselves and are added below. */
const verbs = {
  apply: Type.Object(
    {
      context: opt(text),
      files: opt(texts),
      yaml: opt(text),
      sample: opt(text),
      only: opt(texts),
      replicas: opt(Type.Integer({ minimum: 0 })),
      noSidecar: opt(Type.Boolean()),
      with: opt(kubectl),
      namespace: opt(text),
      expect: opt(Type.Union([Type.Literal('accepted'), Type.Literal('refused')])),
      message: opt(texts),
      warning: opt(texts),
    },
    strict,
  ),
  delete: Type.Object(
    {
      context: opt(text),
      files: opt(texts),
      yaml: opt(text),
      resource: opt(text),
      namespace: opt(text),
      with: opt(kubectl),
    },
    strict,
  ),
  patch: Type.Object(
    {
      context: text,
      resource: text,
      namespace: opt(text),
      type: Type.Union([Type.Literal('strategic'), Type.Literal('merge'), Type.Literal('json')]),
      patch: Type.Unknown(),
    },
    strict,
  ),
  label: Type.Object(
    { context: text, resource: text, namespace: opt(text), labels: map(Type.Union([text, Type.Null()])) },
    strict,
  ),
  scale: Type.Object(
    { context: text, namespace: text, deployments: texts, replicas: Type.Integer({ minimum: 0 }) },
    strict,
  ),
  restart: Type.Union([
    Type.Literal('control-plane'),
    Type.Object({ context: text, namespace: text, deployments: texts }, strict),
  ]),
  fault: Type.Object(
    {
      kind: Type.Unsafe<FaultKind>({ type: 'string', enum: [...faultKinds] }),
      name: opt(text),
      status: opt(Type.Integer()),
      delayMs: opt(Type.Number()),
      context: opt(text),
      to: opt(text),
      oneWay: opt(Type.Boolean()),
      namespace: opt(text),
      deployment: opt(text),
      container: opt(text),
      pods: opt(Type.Integer({ minimum: 1 })),
      vm: opt(text),
      target: opt(Type.Literal('control-plane')),
    },
    strict,
  ),
  call: Type.Object(
    {
      from: text,
      url: text,
      method: opt(text),
      headers: opt(map(text)),
      ...volume,
      answers: opt(map(answerClass)),
      tolerance: opt(Type.Number()),
      expect: Type.Object(callExpectation, { ...strict, minProperties: 1 }),
    },
    strict,
  ),
  load: Type.Object(
    {
      name: text,
      from: text,
      url: text,
      method: opt(text),
      headers: opt(map(text)),
      rate: Type.Number({ exclusiveMinimum: 0 }),
      parallel: opt(Type.Integer({ minimum: 1 })),
      answers: opt(map(answerClass)),
    },
    strict,
  ),
  stop: Type.Object(
    {
      name: text,
      tolerance: opt(Type.Number()),
      expect: opt(
        Type.Object(
          {
            ...callExpectation,
            errors: opt(Type.Number()),
            notBodyShare: opt(Type.Object({ pattern: text, atMost: Type.Number() }, strict)),
          },
          { ...strict, minProperties: 1 },
        ),
      ),
    },
    strict,
  ),
  get: Type.Object(
    {
      context: opt(text),
      resource: text,
      namespace: opt(text),
      allNamespaces: opt(Type.Boolean()),
      selector: opt(text),
      output: opt(text),
      jsonpath: opt(text),
      is: opt(text),
      matches: opt(text),
      count: opt(Type.Integer({ minimum: 0 })),
      table: opt(texts),
      notTable: opt(texts),
      absent: opt(Type.Boolean()),
      with: opt(kubectl),
    },
    strict,
  ),
  run: Type.Object(
    { command: text, table: opt(texts), notTable: opt(texts), exit: opt(Type.Integer()), context: opt(text) },
    strict,
  ),
  status: Type.Object({ context: text, resource: text, namespace: opt(text), state: text }, strict),
  observe: Type.Object({}, { additionalProperties: true }),
} as const

export type VerbName = keyof typeof verbs | 'eventually' | 'always'
export type Fields<Name extends keyof typeof verbs> = Static<(typeof verbs)[Name]>

/** One verb of a step, with its fields. */
export type Verb =
  | { [Name in keyof typeof verbs]: { verb: Name; fields: Fields<Name> } }[keyof typeof verbs]
  | { verb: 'eventually'; within: number; do: Verb[] }
  | { verb: 'always'; for: number; do: Verb[] }

export interface Step {
  step: string
  source: 'guide' | 'spec' | 'expected'
  do: Verb[]
}

const fileSchema = Type.Object(
  {
    seed: text,
    title: text,
    sandbox: Type.Object(
      {
        clusters: Type.Array(
          Type.Object(
            {
              name: text,
              context: text,
              region: opt(text),
              zone: opt(text),
              network: opt(text),
              management: opt(Type.Boolean()),
              registered: opt(Type.Boolean()),
            },
            strict,
          ),
          { minItems: 1 },
        ),
        vms: opt(
          Type.Array(
            Type.Object(
              {
                name: text,
                address: opt(text),
                cluster: text,
                serviceAccount: text,
                sample: opt(text),
                deployment: opt(text),
                ports: opt(Type.Array(Type.Integer())),
                network: opt(text),
                labels: opt(map(text)),
                group: opt(text),
              },
              strict,
            ),
          ),
        ),
        samples: opt(Type.Array(Type.Object(sample, strict))),
        workloadCertTtl: opt(text),
        nameServers: opt(texts),
      },
      strict,
    ),
    answers: opt(map(answerClass)),
    given: Type.Array(map(Type.Unknown())),
    steps: Type.Array(
      Type.Object(
        {
          step: text,
          source: Type.Union([Type.Literal('guide'), Type.Literal('spec'), Type.Literal('expected')]),
          do: Type.Array(map(Type.Unknown()), { minItems: 1 }),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
)

type Raw = Static<typeof fileSchema>

export interface ScenarioFile {
  readonly path: string
  readonly title: string
  readonly sandbox: Raw['sandbox']
  readonly answers: Readonly<Record<string, Static<typeof answerClass>>>
  readonly given: readonly Verb[]
  readonly steps: readonly Step[]
}

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
const checkFile = ajv.compile<Raw>(fileSchema)
const checkVerb = new Map(Object.entries(verbs).map(([name, schema]) => [name, ajv.compile(schema)]))

/** Thrown for a file that is not an acceptance file; the message names file and place. */
export class ScenarioFileError extends Error {}

export function readScenario(path: string): ScenarioFile {
  const source = readFileSync(path, 'utf8')
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines })
  const broken = document.errors[0]
  if (broken) throw new ScenarioFileError(`${path}:${lines.linePos(broken.pos[0]).line}: ${broken.message}`)
  const raw: unknown = document.toJS()
  if (!checkFile(raw)) {
    throw new ScenarioFileError(`${path}: ${ajv.errorsText(checkFile.errors, { separator: '\n  ', dataVar: '' })}`)
  }
  const steps = raw.steps.map((step): Step => {
    const at = `${path}: step "${step.step}"`
    const parsed: Step = { ...step, do: step.do.map((verb) => readVerb(verb, at)) }
    if (!parsed.do.some(isCheck)) throw new ScenarioFileError(`${at}: nothing is checked`)
    return parsed
  })
  const given = raw.given.map((verb) => readVerb(verb, `${path}: given`))
  return { path, title: raw.title, sandbox: raw.sandbox, answers: raw.answers ?? {}, given, steps }
}

function readVerb(raw: Record<string, unknown>, at: string): Verb {
  const [name, ...more] = Object.keys(raw)
  if (name === undefined || more.length > 0)
    throw new ScenarioFileError(`${at}: one verb in each item, not ${Object.keys(raw).join(', ')}`)
  const fields = raw[name]
  if (name === 'eventually' || name === 'always') {
    const span = name === 'eventually' ? 'within' : 'for'
    const block = fields as Record<string, unknown>
    const unknown = Object.keys(block ?? {}).filter((key) => key !== span && key !== 'do')
    const seconds = block?.[span]
    if (unknown.length > 0 || typeof seconds !== 'number' || !Array.isArray(block['do'])) {
      throw new ScenarioFileError(
        `${at}: ${name} has the fields ${span} (seconds) and do, not ${JSON.stringify(Object.keys(block ?? {}))}`,
      )
    }
    const inner = block['do'].map((verb: Record<string, unknown>) => readVerb(verb, at))
    return name === 'eventually' ? { verb: name, within: seconds, do: inner } : { verb: name, for: seconds, do: inner }
  }
  const check = checkVerb.get(name)
  if (!check) throw new ScenarioFileError(`${at}: unknown verb ${name}`)
  if (!check(fields)) throw new ScenarioFileError(`${at}: ${ajv.errorsText(check.errors, { dataVar: name })}`)
  return { verb: name, fields } as Verb
}

/** Whether a verb can fail because of what the product does. */
function isCheck(verb: Verb): boolean {
  if (verb.verb === 'eventually' || verb.verb === 'always') return verb.do.some(isCheck)
  return !['load', 'fault', 'label'].includes(verb.verb)
}
