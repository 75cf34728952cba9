/** What an image is to the sandbox. */
export interface Image {
  /** How messages call it. */
  readonly name: string
  /** Last path components by which references mean it, whatever registry and folders stand before them. */
  readonly repositories: readonly string[]
  readonly run:
    | { readonly kind: 'program'; readonly program: string }
    /** Programs of the machine: `entrypoint` and default arguments as the image has them. */
    | { readonly kind: 'host'; readonly entrypoint: readonly string[]; readonly args: readonly string[] }
    /** An Envoy gateway or sidecar. */
    | { readonly kind: 'proxy' }
  /** Ports that the program opens if the pod declares none. */
  readonly ports: readonly number[]
  /** Ports that these arguments and variables open, where they say so. */
  readonly portsOf?: (args: readonly string[], env: Readonly<Record<string, string>>) => number[]
  /** Variables that the image sets. */
  readonly env: Readonly<Record<string, string>>
  /** Names of programs inside the original image that mean the built-in one, when a pod's `command` calls them. */
  readonly binaries: readonly string[]
}

type Options = Partial<Pick<Image, 'env' | 'binaries' | 'portsOf'>>

/** One image that runs a built-in program. */
export function program(
  repositories: readonly [string, ...string[]],
  name: string,
  ports: readonly number[],
  options: Options = {},
): Image {
  const [first] = repositories
  return {
    name: first,
    repositories,
    run: { kind: 'program', program: name },
    ports,
    env: {},
    binaries: [],
    ...options,
  }
}

/** One image that stands for the machine's own programs. */
export function host(
  repositories: readonly [string, ...string[]],
  entrypoint: readonly string[] = [],
  args: readonly string[] = ['sh'],
): Image {
  const [first] = repositories
  return { name: first, repositories, run: { kind: 'host', entrypoint, args }, ports: [], env: {}, binaries: [] }
}
