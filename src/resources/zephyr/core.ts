// core.zephyr.solo.io: settings of Service Mesh Hub itself.
import { anyObject, boolean, defineKind, list, object, string } from '../dsl.ts'
import { versions } from './common.ts'

export const settings = defineKind({
  group: 'core.zephyr.solo.io',
  versions,
  categories: ['service-mesh-hub'],
  kind: 'Settings',
  plural: 'settings',
  singular: 'settings',
  description:
    'Settings of discovery in AWS; Fairlead finds meshes in Kubernetes clusters only, so they have no effect.',
  spec: object({
    aws: object({
      disabled: boolean(),
      accounts: list(object({ accountId: string(), meshDiscovery: anyObject(), eksDiscovery: anyObject() })),
    }),
  }),
  status: object({}),
})
