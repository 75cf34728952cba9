import type { Place } from '../check.ts'
import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { int32, map, object, type Static, string } from '../schema.ts'
import { networking } from './group.ts'
import { workloadSelector } from './selector.ts'
import { checkWorkloadSelector } from './selector-check.ts'
import { istioStatus } from './status.ts'

export const proxyConfigSpec = object({
  selector: workloadSelector,
  concurrency: int32({ minimum: 0, nullable: true, description: 'Worker threads; 0 = one per core.' }),
  environmentVariables: map(string({ maxLength: 2048 })),
  image: object({ imageType: string() }),
})

export type ProxyConfigSpec = Static<typeof proxyConfigSpec>
export type ProxyConfig = KubeObject<ProxyConfigSpec, Static<typeof istioStatus>>

function checkProxyConfig(root: Place, { spec }: ProxyConfig): void {
  checkWorkloadSelector(root.field('spec').field('selector'), spec?.selector)
}

export const proxyConfigKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: [{ name: 'v1beta1', storage: true }],
  kind: 'ProxyConfig',
  plural: 'proxyconfigs',
  description: 'Settings of proxies that take effect when they start.',
  spec: proxyConfigSpec,
  status: istioStatus,
  checkFields: checkProxyConfig,
})
