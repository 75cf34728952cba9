// `fairlead envoy`: the Envoy resources of one proxy, from files alone.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import { buildProxyConfig, proxyConfigJson } from '../backends/envoy/index.ts'
import { snapshotOf, staticWorld, systemNamespace } from '../discovery/index.ts'
import { type Proxy, proxyOfDescription } from '../mesh/index.ts'
import { compareProblems, type Problem } from '../report/index.ts'
import { groupKind, isObject, type KubeObject, parseYaml, readObjects, soundObject } from '../resources/index.ts'
import { printLine } from './print.ts'

interface EnvoyOptions {
  readonly cluster?: string[]
  readonly meshConfig?: string
  readonly proxy?: string
  readonly batch?: boolean
  readonly output: 'json' | 'yaml'
}

/** What is asked: the objects of clusters, the first of which is the primary; mesh settings; and a proxy. */
interface Question {
  readonly clusters: readonly { readonly name: string; readonly text: string; readonly file: string }[]
  readonly meshConfig: Readonly<Record<string, unknown>>
  readonly proxy: Readonly<Record<string, unknown>>
}

export function register(program: Command): void {
  program
    .command('envoy')
    .description('Show what one proxy would be given, from files alone')
    .option('--cluster <name=file...>', "YAML of a cluster's objects; the first cluster is the primary")
    .option('--mesh-config <file>', "Istio's MeshConfig as YAML")
    .option(
      '--proxy <file>',
      'YAML: type, name, namespace, serviceAccount, cluster, network, labels, ips, node, locality, metadata',
    )
    .option('--batch', 'read one JSON request {"id","clusters","meshConfig","proxy"} a line, answer each with one line')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['json', 'yaml']).default('json'))
    .addHelpText('after', '\nExit code: 0 = answered (problems are part of the answer), 2 = wrong usage.')
    .action(async (options: EnvoyOptions, command: Command) => {
      if (options.batch) return answerBatch()
      const answer = answerQuestion(questionOfFiles(options, command))
      console.log(options.output === 'yaml' ? stringify(answer).trimEnd() : JSON.stringify(answer, null, 2))
      return
    })
}

function questionOfFiles(options: EnvoyOptions, command: Command): Question {
  const fail = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 })
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      return fail(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const mapping = (file: string): Record<string, unknown> => {
    const [document] = parseYaml(read(file), file)
    const fault = document?.faults[0]
    if (fault) fail(`${file}:${fault.at.line}:${fault.at.column}: ${fault.message}`)
    const value = document?.value ?? {}
    return isObject(value) ? value : fail(`${file}: must be a mapping`)
  }
  if (!options.cluster || options.cluster.length === 0) fail("option '--cluster <name=file>' is missing")
  const proxyFile = options.proxy ?? fail("option '--proxy <file>' is missing")
  const clusters = (options.cluster ?? []).map((text) => {
    const at = text.indexOf('=')
    if (at <= 0) fail(`--cluster ${text}: must be NAME=FILE`)
    const file = text.slice(at + 1)
    return { name: text.slice(0, at), text: read(file), file }
  })
  return { clusters, meshConfig: options.meshConfig ? mapping(options.meshConfig) : {}, proxy: mapping(proxyFile) }
}

/** One JSON line for each request line, until standard input ends. */
async function answerBatch(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    await printLine(JSON.stringify(answerLine(line)))
  }
}

function answerLine(line: string): object {
  let id: unknown
  try {
    const request: unknown = JSON.parse(line)
    if (!isObject(request)) return { error: 'a request is an object' }
    id = request['id']
    const question = questionOfRequest(request)
    return typeof question === 'string' ? { id, error: question } : { id, ...answerQuestion(question) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

/** The question of a request, or what is wrong with it. */
function questionOfRequest(request: Record<string, unknown>): Question | string {
  const { clusters, meshConfig = {}, proxy = {} } = request
  if (!Array.isArray(clusters) || clusters.length === 0) return 'clusters must be a list with at least one cluster'
  const parsed = clusters.map((each: unknown) => {
    const { name, yaml } = isObject(each) ? each : {}
    return typeof name === 'string' && typeof yaml === 'string' ? { name, text: yaml, file: name } : undefined
  })
  const known = parsed.filter((each) => each !== undefined)
  if (known.length < parsed.length) return 'a cluster has a name and the text of its objects (yaml)'
  if (!isObject(meshConfig) || !isObject(proxy)) return 'meshConfig and proxy must be objects'
  return { clusters: known, meshConfig, proxy }
}

function answerQuestion({ clusters, meshConfig, proxy }: Question): object {
  const problems: Problem[] = []
  const objects = new Map<string, KubeObject[]>()
  for (const { name, text, file } of clusters) {
    const read = readObjects(text, file, name)
    problems.push(...read.problems)
    objects.set(
      name,
      read.objects.map(({ object }) => takeSound(object, name, problems)),
    )
  }
  const primary = clusters[0]?.name ?? ''
  objects.get(primary)?.push(meshConfigMap(meshConfig))
  const world = staticWorld(snapshotOf(objects, groupKind), { primary, clusters: clusters.map(({ name }) => name) })
  const asked: Proxy = proxyOfDescription(proxy, primary)
  const config = buildProxyConfig(world, asked)
  return { ...proxyConfigJson(config), problems: [...problems, ...config.problems].sort(compareProblems) }
}

function takeSound(object: KubeObject, cluster: string, problems: Problem[]): KubeObject {
  const sound = soundObject(object, cluster)
  problems.push(...sound.problems)
  return sound.object
}

/** Mesh settings are where a cluster has them. */
function meshConfigMap(meshConfig: Readonly<Record<string, unknown>>): KubeObject & { data: Record<string, string> } {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: systemNamespace },
    data: { mesh: JSON.stringify(meshConfig) },
  }
}
