// Lets a machine join by what it can prove itself, as Tetrate Service Bridge's onboarding does.
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { parse } from 'yaml'
import { isConflict, isNotFound, KubeClient } from '../clusters/index.ts'
import { ManagementError, resourceType, verifiedClaims } from '../management/index.ts'
import type { KindDefinition, KubeObject } from '../resources/index.ts'
import {
  controlPlane,
  type OnboardingConfigurationSpec,
  onboardingPolicy,
  workloadAutoRegistration,
} from '../resources/tsb/index.ts'
import {
  autoRegistration,
  ConfigureError,
  configureMachine,
  identityOf,
  mayJoin,
  type TokenIssuer,
  tokenIssuersOf,
  withLabels,
  writeMachineFiles,
} from '../vm/index.ts'
import { groupOnCluster, ingressAddress } from './vm-bootstrap.ts'
import { accessOf, type TargetOptions, VmUsageError, withTarget } from './vm-target.ts'

interface OnboardOptions extends TargetOptions {
  readonly file: string
  readonly credential: string
  readonly output: string
}

const tokenSeconds = 3600
const leewaySeconds = 60

export function registerOnboard(vm: Command, attempt: (work: () => Promise<void>) => Promise<void>): void {
  const command = vm
    .command('onboard')
    .description("Let a machine join that an OnboardingPolicy allows to, by a token of the machine's own")
    .requiredOption('-f, --file <file>', "the machine's OnboardingConfiguration")
    .requiredOption('--credential <file>', 'its token (JWT), of an issuer that the ControlPlane trusts')
    .requiredOption('-o, --output <folder>', 'where to write the files; copy the folder to the machine')
  withTarget(command).action((options: OnboardOptions) => attempt(() => onboard(options)))
}

async function onboard(options: OnboardOptions): Promise<void> {
  const { internalIp: address } = options
  const access = accessOf(options)
  const configuration = readConfiguration(options.file)
  const { namespace = '', name = '' } = configuration.workloadGroup ?? {}
  const client = new KubeClient(access, 'fairlead-onboarding')
  try {
    const group = await groupOnCluster(client, { name, namespace })
    const issuers = tokenIssuersOf(await listed(client, controlPlane, options.systemNamespace))
    const host = configuration.onboardingEndpoint?.host ?? ''
    const { issuer, claims } = await proven(readText(options.credential).trim(), issuers, host)
    const machine = identityOf(claims, issuer)
    if (!mayJoin(await listed(client, onboardingPolicy, namespace), group, machine))
      throw new ConfigureError(
        `no OnboardingPolicy of namespace ${namespace} lets ${machine.subject} of ${machine.issuer} join WorkloadGroup ${name}`,
      )
    const files = await configureMachine({
      client,
      group: withLabels(group, configuration.workload?.labels ?? {}),
      cluster: options.clusterId ?? access.context,
      systemNamespace: options.systemNamespace,
      address,
      controlPlaneIp: options.ingressIp ?? (await ingressAddress(client, options)),
      controlPlanePort: undefined,
      autoRegister: true,
      captureDns: false,
      tokenSeconds,
    })
    writeMachineFiles(options.output, files)
    await record(client, autoRegistration(group, machine, { shortName: issuer.shortName, address }))
    console.log(`${machine.subject} joins WorkloadGroup ${namespace}/${name}; its files are in ${options.output}`)
    console.log(`copy the folder to the machine; there: fairlead vm run ${options.output}`)
  } finally {
    client.close()
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new VmUsageError(`${file}: ${(error as Error).message}`, { cause: error })
  }
}

function readConfiguration(file: string): NonNullable<OnboardingConfigurationSpec> {
  let read: unknown
  try {
    read = parse(readText(file))
  } catch (error) {
    if (error instanceof VmUsageError) throw error
    throw new VmUsageError(`${file}: ${(error as Error).message}`, { cause: error })
  }
  const configuration = (read ?? {}) as NonNullable<OnboardingConfigurationSpec> & { readonly kind?: unknown }
  if (configuration.kind !== 'OnboardingConfiguration')
    throw new VmUsageError(`${file}: kind OnboardingConfiguration is needed`)
  for (const [path, value] of [
    ['onboardingEndpoint.host', configuration.onboardingEndpoint?.host],
    ['workloadGroup.namespace', configuration.workloadGroup?.namespace],
    ['workloadGroup.name', configuration.workloadGroup?.name],
  ] as const)
    if (typeof value !== 'string' || value === '') throw new VmUsageError(`${file}: ${path}: Required value`)
  return configuration
}

async function listed(client: KubeClient, kind: KindDefinition, namespace: string): Promise<readonly KubeObject[]> {
  try {
    return (await client.list(resourceType(kind), { namespace })).items
  } catch (error) {
    if (isNotFound(error)) return [] // The cluster does not know the kind: nobody has said anything.
    throw error
  }
}

/** The claims of a token that is good for this endpoint now, and whose they are. Throws `ConfigureError`. */
async function proven(token: string, issuers: readonly TokenIssuer[], host: string) {
  const said = issuerOf(token)
  const issuer = issuers.find((each) => each.issuer === said)
  if (issuer === undefined)
    throw new ConfigureError(`the ControlPlane trusts no issuer ${JSON.stringify(said)} of tokens of machines`)
  const claims = await claimsBy(token, issuer)
  const audiences = ([] as unknown[]).concat(claims['aud'] ?? [])
  if (!audiences.includes(host) && !audiences.includes(`https://${host}`))
    throw new ConfigureError(`the token is for another audience than ${host}`)
  const seconds = Date.now() / 1000
  if (typeof claims['exp'] !== 'number' || claims['exp'] + leewaySeconds < seconds)
    throw new ConfigureError('the token has expired')
  if (typeof claims['nbf'] === 'number' && claims['nbf'] - leewaySeconds > seconds)
    throw new ConfigureError('the token is not valid yet')
  return { issuer, claims }
}

async function claimsBy(token: string, { issuer, jwks, jwksUri }: TokenIssuer): Promise<Record<string, unknown>> {
  try {
    const text = jwks ?? (await (await fetch(jwksUri ?? `${issuer}/.well-known/jwks.json`, keysInTime())).text())
    return verifiedClaims(token, (JSON.parse(text) as { keys?: JsonWebKey[] }).keys ?? [])
  } catch (error) {
    if (error instanceof ManagementError) throw new ConfigureError(error.message, { cause: error })
    throw new ConfigureError(`keys of ${issuer} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

const keysInTime = (): RequestInit => ({ signal: AbortSignal.timeout(10_000) })

/** Who the token says has issued it: only to choose the keys that it is checked by. */
function issuerOf(token: string): unknown {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null ? (claims as { iss?: unknown }).iss : undefined
  } catch {
    return undefined
  }
}

async function record(client: KubeClient, object: KubeObject): Promise<void> {
  const type = resourceType(workloadAutoRegistration)
  try {
    await client.create(type, object)
  } catch (error) {
    if (!isConflict(error)) throw error // It has joined before, and does so again.
  }
}
