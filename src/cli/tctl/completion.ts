// `tctl completion`: a script for the shell, made from the commands as they are.
import { Argument, type Command } from 'commander'
import { apiKinds } from '../../resources/tsb/index.ts'

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print a script that completes commands in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      '\nbash: source <(tctl completion bash).  zsh: the same, after autoload -U compinit; compinit.',
    )
    .action((shell: 'bash' | 'zsh') => console.log(scriptFor(program, shell)))
}

function scriptFor(program: Command, shell: 'bash' | 'zsh'): string {
  const cases = wordsOf(program, '').map(
    ([path, words]) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words)} ;;`,
  )
  const bridge = shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []
  return [
    ...bridge,
    '_tctl() {',
    '  local path="" words="" word',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) path="${path:+$path }$word" ;; esac',
    '  done',
    '  case "$path" in',
    ...cases,
    '  esac',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: This is the shell's.
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _tctl tctl',
  ].join('\n')
}

/** For each command, what can come next: commands, flags, and kinds where a kind is asked for. */
function wordsOf(command: Command, path: string): [string, string][] {
  const names = command.commands.flatMap((each) => [each.name(), ...each.aliases()])
  const flags = command.options.flatMap(({ long, hidden }) => (long === undefined || hidden ? [] : [long]))
  const takesKind = command.registeredArguments[0]?.name() === 'kind'
  const kinds = takesKind ? apiKinds.map(({ aliases, kind }) => aliases.at(-1) ?? kind.toLowerCase()) : []
  const own: [string, string] = [path, [...new Set([...names, ...kinds, ...flags])].join(' ')]
  const below = command.commands.flatMap((each) =>
    [each.name(), ...each.aliases()].flatMap((name) => wordsOf(each, path === '' ? name : `${path} ${name}`)),
  )
  return [own, ...below]
}
