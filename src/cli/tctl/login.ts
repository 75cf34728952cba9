// `tctl login`: who one is, asked for where it is missing, tried, and kept in the configuration.
import { password as askPassword, text as askText, cancel, isCancel } from '@clack/prompts'
import type { Command } from 'commander'
import { remoteApi } from '../../management/index.ts'
import { apiKindsNamed } from '../../resources/tsb/index.ts'
import { configPath, readConfig, type UserEntry, withEntry, writeConfig } from './config-file.ts'
import { attempt, TctlError, UsageError } from './errors.ts'
import { type GlobalOptions, profileOf, remoteOptions } from './session.ts'

interface Options {
  readonly org?: string
  readonly tenant?: string
  readonly username?: string
  readonly password?: string
}

export function registerLogin(program: Command): void {
  program
    .command('login')
    .description('Say who you are; what is missing is asked for')
    .option('--org <name>', 'organization of commands that name none')
    .option('--tenant <name>', 'tenant of commands that name none')
    .option('--username <name>', 'name to log in with')
    .option('--password <password>', 'password')
    .action((options: Options, command: Command) => {
      const { config: flag, profile: wanted, debug = false } = command.optsWithGlobals<GlobalOptions>()
      return attempt(debug, async () => {
        const path = configPath(flag)
        const config = readConfig(path)
        const { name, cluster, user } = profileOf(config, wanted)
        if (cluster?.bridgeAddress === undefined)
          throw new TctlError(
            'no management plane is configured: tctl config clusters set NAME --bridge-address HOST:PORT',
          )
        const entry = await complete(user ?? { name }, options)
        // Whoever may see nothing is known all the same; a wrong password is refused.
        await remoteApi(remoteOptions(cluster, entry)).find({ kinds: apiKindsNamed('org') })
        const profiles = withEntry(config.profiles, { name, cluster: cluster.name, username: entry.name })
        writeConfig(path, { ...config, users: withEntry(config.users, entry), profiles })
        console.log(`Login successful. Configured user: ${entry.username}`)
      })
    })
}

async function complete(known: UserEntry, given: Options): Promise<UserEntry> {
  const org = given.org ?? known.org ?? (await ask('Organization', false))
  const tenant = given.tenant ?? known.tenant ?? (await ask('Tenant', false))
  const username = given.username ?? known.username ?? (await ask('Username', false))
  const password = given.password ?? known.password ?? (await ask('Password', true))
  return { ...known, org, tenant, username, password }
}

async function ask(what: string, isSecret: boolean): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError(
      `--${what === 'Organization' ? 'org' : what.toLowerCase()} is missing, and there is nobody to ask`,
    )
  const answer = isSecret ? await askPassword({ message: `${what}:` }) : await askText({ message: `${what}:` })
  if (isCancel(answer)) {
    cancel()
    throw new TctlError('login was given up')
  }
  return answer ?? ''
}
