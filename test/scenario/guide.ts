// A guide page as an acceptance file: what a reader types is run, and what the page says that is printed is looked for.
//
//   <!-- sandbox: FILE -->    the acceptance file whose sandbox and `given` the page starts from
//   ```sh                     commands, each must succeed
//   ```sh background          a command that stays, like port-forward; the URL in the comment below it must answer
//   ```text                   printed by the command before it, after at most half a minute; … stands for anything
//   any other block           shown only
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readScenario, type ScenarioFile, ScenarioFileError, type Step, type Verb } from './file.ts'

interface Block {
  readonly info: string
  readonly heading: string
  readonly line: number
  readonly text: readonly string[]
}

/** How long what a page says may take to come true. */
const patienceSeconds = 30

/** Reads a page. Throws ScenarioFileError if it names no sandbox, or has nothing to run. */
export function readGuide(path: string): ScenarioFile {
  const lines = readFileSync(path, 'utf8').split('\n')
  const named = lines.map((line) => /^<!-- sandbox: (\S+) -->$/.exec(line)?.[1]).find((found) => found !== undefined)
  if (named === undefined) throw new ScenarioFileError(`${path}: no line <!-- sandbox: FILE -->`)
  const start = readScenario(resolve(dirname(path), named))
  const steps = stepsOf(blocksOf(path, lines))
  if (steps.length === 0) throw new ScenarioFileError(`${path}: no sh block`)
  const title = lines.find((line) => line.startsWith('# '))?.slice(2) ?? path
  return { ...start, path, title: `Guide: ${title}`, steps }
}

function blocksOf(path: string, lines: readonly string[]): Block[] {
  const blocks: Block[] = []
  let heading = ''
  let open: { info: string; line: number; text: string[] } | undefined
  for (const [index, line] of lines.entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (fence && !open) open = { info: (fence[1] ?? '').trim(), line: index + 1, text: [] }
    else if (fence && open) {
      blocks.push({ ...open, heading })
      open = undefined
    } else if (open) open.text.push(line)
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
  }
  if (open) throw new ScenarioFileError(`${path}:${open.line}: the block does not end`)
  return blocks
}

function stepsOf(blocks: readonly Block[]): Step[] {
  return blocks.flatMap((block, i): Step[] => {
    const step = `${block.heading} (line ${block.line})`
    if (block.info === 'sh background') return [{ step, source: 'guide', do: [background(block)] }]
    if (block.info !== 'sh') return []
    const commands = commandsOf(block.text)
    const next = blocks[i + 1]
    const shown = next?.info === 'text' && next.heading === block.heading ? next.text : []
    const verbs = commands.map((command, at) => run(command, at === commands.length - 1 ? shown : []))
    return verbs.length > 0 ? [{ step, source: 'guide', do: verbs }] : []
  })
}

/** Commands of a block: without comments, and with lines that go on joined. */
function commandsOf(text: readonly string[]): string[] {
  const commands: string[] = []
  let joined = ''
  for (const line of text) {
    if (joined === '' && /^\s*(#.*)?$/.test(line)) continue
    joined += line
    // A quote that is open goes on in the next line, as a backslash does.
    if (joined.endsWith('\\') || (joined.match(/'/g)?.length ?? 0) % 2 === 1) {
      joined = joined.endsWith('\\') ? `${joined.slice(0, -1)} ` : `${joined}\n`
      continue
    }
    commands.push(joined)
    joined = ''
  }
  return commands
}

function run(command: string, shown: readonly string[]): Verb {
  const lines = shown.filter((line) => line.trim() !== '')
  if (lines.length === 0) return { verb: 'run', fields: { command } }
  const table = lines.map((line) => line.split('…').map(spaced).join('.*'))
  return { verb: 'eventually', within: patienceSeconds, do: [{ verb: 'run', fields: { command, table } }] }
}

/** A pattern for a text whose gaps may be wider or narrower than shown. */
const spaced = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/ +/g, ' +')

function background({ text, line }: Block): Verb {
  const [command] = commandsOf(text)
  const url = text.map((each) => /^#\s*(http\S+)/.exec(each)?.[1]).find((found) => found !== undefined)
  if (command === undefined || url === undefined)
    throw new ScenarioFileError(
      `line ${line}: a background block has a command and a comment with the URL that answers`,
    )
  const answers = `curl --noproxy '*' -sf -o /dev/null --retry 60 --retry-delay 1 --retry-connrefused --retry-all-errors '${url}'`
  // A job of its own, ended as a whole: npx does not hand signals on, and what is left would keep our output open.
  const job = `set -m; ${command} >/dev/null 2>&1 & pid=$!; set +m`
  return { verb: 'run', fields: { command: `${job}; ${answers}; code=$?; kill -- -$pid; exit $code` } }
}
