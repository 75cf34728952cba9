// What a machine runs: the program of a sample, with the settings of one of its Deployments.
import type { KubeObject } from '../../resources/index.ts'
import { findImage, type Launch, launchOf } from '../images/index.ts'

/** On the Deployment of a sample that a machine runs if nothing else is said. */
export const machineAnnotation = 'fairlead.dev/machine'

interface Container {
  image?: string
  command?: string[]
  args?: string[]
  env?: { name: string; value?: string }[]
  ports?: { containerPort: number }[]
}

interface Deployment
  extends KubeObject<{
    template: { metadata?: { labels?: Record<string, string> }; spec?: { containers?: Container[] } }
  }> {}

interface Service
  extends KubeObject<{ selector?: Record<string, string>; ports?: { port: number; targetPort?: number | string }[] }> {}

export interface MachineProgram {
  readonly launch: Launch
  /** Its own, and those under which the sample's Services are known: nothing on a machine maps one to the other. */
  readonly ports: readonly number[]
}

/** The program of a sample's objects; undefined if there is no such Deployment, or its image is not known. */
export function machineProgram(
  objects: readonly KubeObject[],
  { deployment, programs }: { deployment?: string | undefined; programs: string },
): MachineProgram | undefined {
  const all = objects.filter((object): object is Deployment => object.kind === 'Deployment')
  const chosen =
    deployment === undefined
      ? (all.find(({ metadata }) => metadata.annotations?.[machineAnnotation] === 'true') ?? all[0])
      : all.find(({ metadata }) => metadata.name === deployment)
  const [container] = chosen?.spec?.template.spec?.containers ?? []
  const image = findImage(container?.image ?? '')
  if (!chosen || !container || !image) return undefined
  const env = Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value]))
  const launch = launchOf(image, container.image ?? '', {
    command: container.command ?? [],
    args: container.args ?? [],
    env,
    declaredPorts: (container.ports ?? []).map(({ containerPort }) => containerPort),
    programs,
  })
  const labels = chosen.spec?.template.metadata?.labels ?? {}
  const services = objects
    .filter((object): object is Service => object.kind === 'Service')
    .filter(({ spec }) => selects(spec?.selector, labels))
  const known = services.flatMap(({ spec }) => (spec?.ports ?? []).map(({ port }) => port))
  return { launch: { ...launch, env: { ...launch.env, ...env } }, ports: [...new Set([...launch.ports, ...known])] }
}

function selects(selector: Readonly<Record<string, string>> = {}, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}
