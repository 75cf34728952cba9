// The verbs that look at objects: get, status, and the patterns over printed text that `run` shares with them.
import { type Context, command, Failure, kubectl } from './context.ts'
import type { Fields } from './file.ts'

export async function get(fields: Fields<'get'>, context: Context): Promise<void> {
  const { exit, stdout, stderr } = await fetchText(fields, context)
  if (fields.absent) {
    if (exit === 0 && stdout.trim() !== '') throw new Failure(`${fields.resource} is there`)
    if (exit !== 0 && !/not ?found/i.test(stderr)) throw new Failure(`get ${fields.resource}: ${stderr.trim()}`)
    return
  }
  if (exit !== 0) throw new Failure(`get ${fields.resource}: ${stderr.trim()}`)
  if (fields.is !== undefined && stdout !== fields.is) {
    throw new Failure(
      `${fields.resource} ${fields.jsonpath ?? ''} is ${JSON.stringify(stdout)}, not ${JSON.stringify(fields.is)}`,
    )
  }
  if (fields.matches !== undefined)
    match(fields.matches, stdout, `${fields.resource} ${fields.jsonpath ?? ''}`, context)
  if (fields.count !== undefined) {
    const count = fields.jsonpath === undefined ? countObjects(stdout) : stdout.split(/\s+/).filter(Boolean).length
    if (count !== fields.count) throw new Failure(`${count} ${fields.resource} instead of ${fields.count}`)
  }
  lookAt(stdout, fields, context)
}

function fetchText(fields: Fields<'get'>, context: Context) {
  const counted = fields.count !== undefined && fields.jsonpath === undefined
  const output = fields.jsonpath !== undefined ? `jsonpath=${fields.jsonpath}` : counted ? 'name' : fields.output
  const args = [
    'get',
    ...fields.resource.split(/\s+/),
    ...(fields.namespace !== undefined ? ['-n', fields.namespace] : []),
    ...(fields.allNamespaces ? ['-A'] : []),
    ...(fields.selector !== undefined ? ['-l', fields.selector] : []),
    ...(output !== undefined ? ['-o', output] : []),
  ]
  if (fields.with === 'tctl') {
    const [first = '', ...rest] = fields.resource.split(/\s+/)
    return command('tctl', first === 'x' ? [first, ...rest] : args, context)
  }
  if (fields.context === undefined) throw new Failure('get needs a context')
  return kubectl(context, ['--context', fields.context, ...args])
}

function countObjects(names: string): number {
  return names.split('\n').filter((line) => line.includes('/')).length
}

/** Checks `table` and `notTable` patterns over printed text; ^ and $ match at lines. */
export function lookAt(text: string, fields: { table?: string[]; notTable?: string[] }, context: Context): void {
  for (const pattern of fields.table ?? []) match(pattern, text, 'what was printed', context)
  for (const pattern of fields.notTable ?? []) {
    const found = new RegExp(pattern, 'm').exec(text)
    if (found) throw new Failure(`/${pattern}/ must not be printed, but is: ${found[0]}`)
  }
}

/** A named group that has a value within this step must meet it again; others take the value that they meet. */
function match(pattern: string, text: string, what: string, context: Context): void {
  const known = pattern.replace(/\\k<(\w+)>/g, (whole, name: string) => {
    const value = context.groups.get(name)
    return value === undefined || pattern.includes(`(?<${name}>`) ? whole : value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  const found = new RegExp(known, 'm').exec(text)
  if (!found) throw new Failure(`/${known}/ does not match ${what}: ${text.trim().slice(0, 1500)}`)
  for (const [name, value] of Object.entries(found.groups ?? {})) {
    const before = context.groups.get(name)
    if (before !== undefined && before !== value) throw new Failure(`${name} is ${value}, was ${before} before`)
    context.groups.set(name, value)
  }
}

/** The places where the dialects have the state of a policy, first that is there. */
const statePaths = [
  '.status.state',
  '.status.translationStatus.state',
  '.status.conditions[?(@.type=="Accepted")].reason',
]

export async function statusOf(fields: Fields<'status'>, context: Context): Promise<void> {
  const namespace = fields.namespace !== undefined ? ['-n', fields.namespace] : []
  const seen: string[] = []
  for (const path of statePaths) {
    const args = ['--context', fields.context, ...namespace, 'get', fields.resource, '-o', `jsonpath={${path}}`]
    const { exit, stdout, stderr } = await kubectl(context, args)
    if (exit !== 0) throw new Failure(`get ${fields.resource}: ${stderr.trim()}`)
    if (stdout === fields.state) return
    if (stdout !== '') seen.push(stdout)
  }
  throw new Failure(`state of ${fields.resource} is ${seen.join(', ') || 'not there'}, not ${fields.state}`)
}
