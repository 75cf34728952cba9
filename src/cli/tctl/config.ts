// `tctl config`: which management planes there are, who one is there, and which of them is meant.
import type { Command } from 'commander'
import {
  type ClusterEntry,
  configPath,
  type ProfileEntry,
  readConfig,
  type TctlConfig,
  type UserEntry,
  withEntry,
  writeConfig,
} from './config-file.ts'
import { attempt, UsageError } from './errors.ts'
import { printObjects, printTable } from './print.ts'
import type { GlobalOptions } from './session.ts'

export function registerConfig(program: Command): void {
  const config = program.command('config').description('Configure management planes, users and profiles')
  registerClusters(config.command('clusters').alias('cluster').description('Management planes'))
  registerUsers(config.command('users').alias('user').description('Who one is there'))
  registerProfiles(config.command('profiles').alias('profile').description('One of each'))
  config
    .command('view')
    .description('Show the configuration, without passwords')
    .action((_options: object, command: Command) =>
      show(command, (config) => printObjects([withoutSecrets(config)], 'yaml')),
    )
}

/** Reads the configuration, and writes what `edit` makes of it. */
function change(command: Command, edit: (config: TctlConfig) => TctlConfig): Promise<void> {
  const { config, debug = false } = command.optsWithGlobals<GlobalOptions>()
  const path = configPath(config)
  return attempt(debug, () => Promise.resolve(writeConfig(path, edit(readConfig(path)))))
}

function show(command: Command, print: (config: TctlConfig) => void): Promise<void> {
  const { config, debug = false } = command.optsWithGlobals<GlobalOptions>()
  return attempt(debug, () => Promise.resolve(print(readConfig(configPath(config)))))
}

function withoutSecrets(config: TctlConfig): object {
  const hide = ({ password, token, ...rest }: UserEntry): object => ({
    ...rest,
    ...(password !== undefined && { password: '[redacted]' }),
    ...(token !== undefined && { token: '[redacted]' }),
  })
  return { ...config, users: config.users.map(hide) }
}

type ClusterFlags = Omit<ClusterEntry, 'name'>

function registerClusters(clusters: Command): void {
  clusters
    .command('set')
    .argument('<name>')
    .description('Add a management plane, or change it')
    .option('--bridge-address <host:port>', 'address of its API')
    .option('--tls-insecure', 'do not check its certificate')
    .option('--tls-disabled', 'speak without TLS')
    .option('--kubeconfig <file>', 'instead of an address: access to the management cluster itself')
    .option('--context <name>', 'context of that kubeconfig')
    .action((name: string, flags: ClusterFlags, command: Command) =>
      change(command, (config) => {
        const before = config.clusters.find((each) => each.name === name)
        const entry: ClusterEntry = { ...before, ...flags, name }
        if (entry.bridgeAddress === undefined && entry.kubeconfig === undefined)
          throw new UsageError('--bridge-address HOST:PORT (or --kubeconfig FILE) is missing')
        return { ...config, clusters: withEntry(config.clusters, entry) }
      }),
    )
  listing(clusters, (config) => [
    ['NAME', 'BRIDGE ADDRESS'],
    ...config.clusters.map(({ name, bridgeAddress, kubeconfig = '' }) => [name, bridgeAddress ?? kubeconfig]),
  ])
  removing(clusters, 'clusters')
}

type UserFlags = Omit<UserEntry, 'name'>

function registerUsers(users: Command): void {
  users
    .command('set')
    .argument('<name>')
    .description('Add a user, or change it')
    .option('--username <name>', 'name to log in with')
    .option('--password <password>', 'password; it stands in the file, which only you can read')
    .option('--token <token>', 'token, instead of name and password')
    .option('--org <name>', 'organization of commands that name none')
    .option('--tenant <name>', 'tenant of commands that name none')
    .action((name: string, flags: UserFlags, command: Command) =>
      change(command, (config) => {
        const before = config.users.find((each) => each.name === name)
        return { ...config, users: withEntry(config.users, { ...before, ...flags, name }) }
      }),
    )
  listing(users, (config) => [
    ['NAME', 'USERNAME', 'ORG', 'TENANT'],
    ...config.users.map(({ name, username = '', org = '', tenant = '' }) => [name, username, org, tenant]),
  ])
  removing(users, 'users')
}

function registerProfiles(profiles: Command): void {
  profiles
    .command('set')
    .argument('<name>')
    .description('Add a profile, or change it')
    .option('--cluster <name>', 'management plane')
    .option('--username <name>', 'user')
    .action((name: string, flags: Omit<ProfileEntry, 'name'>, command: Command) =>
      change(command, (config) => {
        const before = config.profiles.find((each) => each.name === name)
        const entry = { ...before, ...flags, name }
        if (entry.cluster !== undefined && !config.clusters.some((each) => each.name === entry.cluster))
          throw new UsageError(
            `there is no cluster ${entry.cluster}; add it with: tctl config clusters set ${entry.cluster}`,
          )
        if (entry.username !== undefined && !config.users.some((each) => each.name === entry.username))
          throw new UsageError(
            `there is no user ${entry.username}; add it with: tctl config users set ${entry.username}`,
          )
        return { ...config, profiles: withEntry(config.profiles, entry) }
      }),
    )
  profiles
    .command('set-current')
    .argument('<name>')
    .description('Make a profile the one that is meant without -p')
    .action((name: string, _flags: object, command: Command) =>
      change(command, (config) => {
        if (!config.profiles.some((each) => each.name === name)) throw new UsageError(`there is no profile ${name}`)
        return { ...config, currentProfile: name }
      }),
    )
  listing(profiles, (config) => [
    ['CURRENT', 'NAME', 'CLUSTER', 'ACCOUNT'],
    ...config.profiles.map(({ name, cluster = '', username = '' }) => [
      name === config.currentProfile ? '*' : '',
      name,
      cluster,
      username,
    ]),
  ])
  removing(profiles, 'profiles')
}

function listing(parent: Command, rows: (config: TctlConfig) => string[][]): void {
  parent
    .command('list')
    .alias('get')
    .description('Show all')
    .action((_flags: object, command: Command) => show(command, (config) => printTable(rows(config))))
}

function removing(parent: Command, list: 'clusters' | 'users' | 'profiles'): void {
  parent
    .command('delete')
    .argument('<name>')
    .description('Remove one')
    .action((name: string, _flags: object, command: Command) =>
      change(command, (config) => {
        if (!config[list].some((each) => each.name === name))
          throw new UsageError(`there is no ${list.slice(0, -1)} ${name}`)
        return { ...config, [list]: config[list].filter((each) => each.name !== name) }
      }),
    )
}
