// Image, command and arguments of a container → what to run.
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Image } from './image.ts'
import { isNamed, parseImageName } from './image-name.ts'
import { images } from './table.ts'

/** The image that a reference means, or undefined if the sandbox knows none of that name. */
export function findImage(reference: string): Image | undefined {
  const { repository } = parseImageName(reference)
  return images.find((image) => image.repositories.some((name) => isNamed(repository, name)))
}

/** Names of all known images, for messages. */
export function knownImages(): string[] {
  return images.map((image) => image.name).sort()
}

export interface Launch {
  /** `program`: a built-in sample, which takes faults over IPC. `proxy`: an Envoy, started by the sidecar's launcher. */
  readonly kind: 'program' | 'host' | 'proxy'
  /** Program and arguments; for a proxy only the arguments. */
  readonly argv: readonly string[]
  /** Variables of the image, under those of the pod. */
  readonly env: Readonly<Record<string, string>>
  /** Ports that will be open: as declared, and as arguments and variables say; else those of the image. */
  readonly ports: readonly number[]
}

export interface LaunchRequest {
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Ports that the pod declares for the container. */
  readonly declaredPorts: readonly number[]
  /** Entry point of the built-in programs, as `preparePrograms` gives it. */
  readonly programs?: string
}

const sources = fileURLToPath(new URL('programs/main.ts', import.meta.url))

/**
 * What a container runs, by the rules of `command` and `args`: a command replaces the image's own and its arguments,
 * arguments alone replace only the arguments. A command that calls a program of the original image is the built-in.
 */
export function launchOf(image: Image, reference: string, request: LaunchRequest): Launch {
  const { run } = image
  const [called] = request.command
  const own = called === undefined || image.binaries.includes(basename(called))
  const env = { ...versionOf(image, reference), ...image.env }
  if (run.kind === 'host' || !own) {
    const entrypoint = run.kind === 'host' ? run.entrypoint : []
    const defaults = run.kind === 'host' ? run.args : []
    const args = request.args.length > 0 ? request.args : defaults
    const argv = called === undefined ? [...entrypoint, ...args] : [...request.command, ...request.args]
    return { kind: 'host', argv, env, ports: request.declaredPorts }
  }
  const args = [...request.command.slice(1), ...request.args]
  const said = image.portsOf?.(args, { ...image.env, ...request.env }) ?? []
  const known = [...new Set([...request.declaredPorts, ...said])]
  const ports = known.length > 0 ? known : image.ports
  if (run.kind === 'proxy') return { kind: 'proxy', argv: args, env, ports: request.declaredPorts }
  return { kind: 'program', argv: [process.execPath, request.programs ?? sources, run.program, ...args], env, ports }
}

/** Some programs show their version, which the original has compiled in and we read off the tag. */
function versionOf(image: Image, reference: string): Record<string, string> {
  const { tag } = parseImageName(reference)
  if (image.name !== 'hello-app' || !/^\d/.test(tag)) return {}
  return { SERVICE_VERSION: tag.split('.').length === 2 ? `${tag}.0` : tag }
}
