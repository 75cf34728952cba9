import { meshConfigOf, sameItems, type World, worldQuery } from '../../discovery/index.ts'
import { compareConfigAge } from '../config-order.ts'
import { istioKinds } from '../kinds.ts'
import type { IngressClassObject, IngressObject } from './types.ts'

const controllerName = 'istio.io/ingress-controller'
const classAnnotation = 'kubernetes.io/ingress.class'

/** The Ingresses that the mesh's gateways serve, oldest first. */
export const ownIngresses = worldQuery(
  'mesh/ingresses',
  (world): readonly IngressObject[] =>
    (world.objects(world.primary, istioKinds.ingress) as readonly IngressObject[])
      .filter((ingress) => isOurs(world, ingress))
      .sort(compareConfigAge),
  { equals: sameItems },
)

/** By annotation, else by class, else if the mesh takes all that say neither. */
function isOurs(world: World, { metadata, spec }: IngressObject): boolean {
  const { ingressControllerMode: mode = 'STRICT', ingressClass = 'istio' } = meshConfigOf(world)
  const annotated = metadata.annotations?.[classAnnotation]
  if (annotated !== undefined) return mode !== 'OFF' && annotated === ingressClass
  if (spec?.ingressClassName !== undefined) {
    const named = world.object(world.primary, istioKinds.ingressClass, spec.ingressClassName)
    return (named as IngressClassObject | undefined)?.spec?.controller === controllerName
  }
  return mode === 'DEFAULT'
}
