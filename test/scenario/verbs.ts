// What each verb of an acceptance file does.
import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { Load, sendMany } from '../../src/sandbox/traffic/index.ts'
import {
  type Context,
  command,
  Failure,
  findFile,
  isReady,
  kubectl,
  kubectlOk,
  podsOf,
  requestPlans,
} from './context.ts'
import { judge } from './expect.ts'
import type { Fields, Verb } from './file.ts'
import { get, lookAt, statusOf } from './get.ts'

/** Runs one verb; throws a Failure if what it checks does not hold. Verbs that are to be skipped do nothing. */
export async function perform(verb: Verb, context: Context): Promise<void> {
  if (isSkipped(verb, context.skip)) return
  switch (verb.verb) {
    case 'apply':
      return apply(verb.fields, context)
    case 'delete':
      return remove(verb.fields, context)
    case 'patch':
      return patch(verb.fields, context)
    case 'label':
      return label(verb.fields, context)
    case 'scale':
      return scale(verb.fields, context)
    case 'restart':
      return restart(verb.fields, context)
    case 'fault':
      return context.sandbox.fault(verb.fields)
    case 'call':
      return call(verb.fields, context)
    case 'load':
      return load(verb.fields, context)
    case 'stop':
      return stop(verb.fields, context)
    case 'get':
      return get(verb.fields, context)
    case 'run':
      return run(verb.fields, context)
    case 'status':
      return statusOf(verb.fields, context)
    case 'observe':
      throw new Failure('observe: this build has no dashboard to look at')
    case 'eventually':
      return eventually(verb.within, verb.do, context)
    case 'always':
      return always(verb.for, verb.do, context)
    default: {
      const unknown: never = verb
      throw new Error(`BUG: ${JSON.stringify(unknown)}`)
    }
  }
}

/** Whether `--skip` names this verb: by its name, by `tctl` for what goes through tctl, or all that is inside it. */
export function isSkipped(verb: Verb, skip: ReadonlySet<string>): boolean {
  if (verb.verb === 'eventually' || verb.verb === 'always') return verb.do.every((inner) => isSkipped(inner, skip))
  if (skip.has(verb.verb)) return true
  if (!skip.has('tctl')) return false
  if (verb.verb === 'run') return verb.fields.command.startsWith('tctl ')
  return typeof verb.fields === 'object' && 'with' in verb.fields && verb.fields.with === 'tctl'
}

async function apply(fields: Fields<'apply'>, context: Context): Promise<void> {
  if (fields.sample !== undefined) return context.sandbox.installSample({ ...fields, sample: fields.sample })
  const result = await send('apply', fields, context)
  const printed = `${result.stdout}${result.stderr}`
  if ((fields.expect ?? 'accepted') === 'accepted') {
    if (result.exit !== 0) throw new Failure(`refused: ${printed.trim()}`)
  } else if (result.exit === 0) throw new Failure(`accepted, though it should be refused: ${printed.trim()}`)
  for (const pattern of [...(fields.message ?? []), ...(fields.warning ?? [])]) {
    if (!new RegExp(pattern, 'm').test(printed))
      throw new Failure(`/${pattern}/ is not in what was printed: ${printed.trim()}`)
  }
}

/** Guides make namespaces in a line of their own, which acceptance files leave out: those that objects name are made. */
async function makeNamespaces(input: string, context: Context, scope: readonly string[]): Promise<void> {
  const objects = parseAllDocuments(input).map((document): unknown => document.toJS())
  const named = objects.flatMap(
    (object) => (object as { metadata?: { namespace?: unknown } } | null)?.metadata?.namespace,
  )
  const names = new Set(named.filter((name): name is string => typeof name === 'string'))
  for (const name of names) {
    const found = await kubectl(context, [...scope, 'get', 'namespace', name])
    if (found.exit !== 0) await kubectlOk(context, [...scope, 'create', 'namespace', name])
  }
}

async function remove(fields: Fields<'delete'>, context: Context): Promise<void> {
  if (fields.resource !== undefined && fields.with !== 'tctl') {
    const args = [...scope(fields), 'delete', ...fields.resource.split(/\s+/), '--timeout=120s']
    await kubectlOk(context, args)
    return
  }
  const result = await send('delete', fields, context)
  if (result.exit !== 0) throw new Failure(`delete: exit ${result.exit}: ${result.stderr.trim()}`)
}

/** Sends files or text to `kubectl` or `tctl`, `apply` or `delete`, as one stream of documents. */
async function send(action: 'apply' | 'delete', fields: Fields<'apply'> & Fields<'delete'>, context: Context) {
  const texts = (fields.files ?? []).map((name) => readFileSync(findFile(context, name), 'utf8'))
  if (fields.yaml !== undefined) texts.push(fields.yaml)
  const tail = fields.resource !== undefined ? fields.resource.split(/\s+/) : ['-f', '-']
  const input = texts.join('\n---\n')
  if (fields.with === 'tctl') return command('tctl', [action, ...tail], context, input)
  if (action === 'apply' && fields.files !== undefined)
    await makeNamespaces(input, context, scope({ context: fields.context }))
  return kubectl(context, [...scope(fields), action, ...tail], input)
}

function scope(fields: { context?: string | undefined; namespace?: string | undefined }): string[] {
  if (fields.context === undefined) throw new Failure('the verb needs a context')
  return ['--context', fields.context, ...(fields.namespace !== undefined ? ['-n', fields.namespace] : [])]
}

async function patch(fields: Fields<'patch'>, context: Context): Promise<void> {
  const text = typeof fields.patch === 'string' ? fields.patch : JSON.stringify(fields.patch)
  await kubectlOk(context, [...scope(fields), 'patch', fields.resource, '--type', fields.type, '-p', text])
}

async function label(fields: Fields<'label'>, context: Context): Promise<void> {
  const changes = Object.entries(fields.labels).map(([key, value]) => (value === null ? `${key}-` : `${key}=${value}`))
  await kubectlOk(context, [...scope(fields), 'label', '--overwrite', fields.resource, ...changes])
}

async function scale(fields: Fields<'scale'>, context: Context): Promise<void> {
  const names = fields.deployments.map((name) => `deployment/${name}`)
  await kubectlOk(context, [...scope(fields), 'scale', `--replicas=${fields.replicas}`, ...names])
  await within(120, context, async () => {
    for (const name of fields.deployments) {
      const pods = await podsOf(context, fields.context, fields.namespace, name)
      const ready = pods.filter(isReady).length
      if (ready !== fields.replicas || pods.length !== fields.replicas) {
        throw new Failure(`deployment ${name} has ${pods.length} pods, ${ready} of them ready, not ${fields.replicas}`)
      }
    }
  })
}

async function restart(fields: Fields<'restart'>, context: Context): Promise<void> {
  if (fields === 'control-plane') return context.sandbox.restartControlPlane()
  const names = fields.deployments.map((name) => `deployment/${name}`)
  await kubectlOk(context, [...scope(fields), 'rollout', 'restart', ...names])
  for (const name of names) await kubectlOk(context, [...scope(fields), 'rollout', 'status', name, '--timeout=120s'])
}

async function call(fields: Fields<'call'>, context: Context): Promise<void> {
  const from = await requestPlans(context, fields)
  try {
    const volume = { count: fields.count ?? 1, parallel: fields.parallel ?? 4 }
    const answers = await sendMany(from.plans, fields.rate === undefined ? volume : { ...volume, rate: fields.rate })
    judge(answers, fields.expect, fields.answers ?? context.answers, fields.tolerance)
  } finally {
    from.close()
  }
}

async function load(fields: Fields<'load'>, context: Context): Promise<void> {
  if (context.loads.has(fields.name)) throw new Failure(`a load ${fields.name} runs already`)
  const from = await requestPlans(context, fields)
  let plans = from.plans
  // The deployment that calls may be restarted meanwhile: its pods are looked up anew, so that a caller which has
  // gone is not mistaken for a service that fails.
  const refresh = fields.from.includes('/')
    ? setInterval(() => void requestPlans(context, fields).then((fresh) => (plans = fresh.plans), ignoreUnready), 1000)
    : undefined
  const pace = fields.parallel === undefined ? { rate: fields.rate } : { rate: fields.rate, parallel: fields.parallel }
  context.loads.set(fields.name, {
    load: new Load(() => plans, pace),
    answers: fields.answers ?? context.answers,
    close() {
      clearInterval(refresh)
      from.close()
    },
  })
}

/** Between two pods of a deployment that restarts there may be none that is ready: the last ones known stay. */
function ignoreUnready(error: unknown): void {
  if (!(error instanceof Failure)) throw error
}

async function stop(fields: Fields<'stop'>, context: Context): Promise<void> {
  const running = context.loads.get(fields.name)
  if (!running) throw new Failure(`no load ${fields.name} runs`)
  context.loads.delete(fields.name)
  const answers = await running.load.stop()
  running.close()
  if (fields.expect) judge(answers, fields.expect, running.answers, fields.tolerance)
}

async function run(fields: Fields<'run'>, context: Context): Promise<void> {
  const result = await command('bash', ['-o', 'pipefail', '-c', fields.command], context)
  const printed = `${result.stdout}${result.stderr}`
  if (result.exit !== (fields.exit ?? 0))
    throw new Failure(`exit ${result.exit} instead of ${fields.exit ?? 0}: ${printed.trim()}`)
  lookAt(result.stdout, fields, context)
}

async function eventually(seconds: number, verbs: readonly Verb[], context: Context): Promise<void> {
  await within(seconds, context, async () => {
    for (const verb of verbs) await perform(verb, context)
  })
}

/** Repeats until nothing fails any more; after `seconds` the last failure is the answer. */
async function within(seconds: number, context: Context, attempt: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      context.signal.throwIfAborted()
      if (performance.now() >= deadline) throw new Failure(`after ${seconds} s: ${error.message}`)
      await new Promise((done) => setTimeout(done, 200))
    }
  }
}

async function always(seconds: number, verbs: readonly Verb[], context: Context): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  do {
    context.signal.throwIfAborted()
    for (const verb of verbs) await perform(verb, context)
    await new Promise((done) => setTimeout(done, 250))
  } while (performance.now() < deadline)
}
