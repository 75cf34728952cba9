// FailoverSettings: in which order the endpoints of a service are used when some of them are gone.
import { boolean, enumeration, list, object, string } from '../dsl.ts'

export const regionalFailover = list(object({ from: string(), to: string() }), {
  description: 'Which region stands in for which.',
})

export const failoverSettings = object({
  topologyChoice: enumeration(
    ['CLUSTER', 'LOCALITY', 'NONE'],
    'What is near: the own cluster first; the locality first, whatever the cluster; or nothing.',
  ),
  failoverPriority: list(string(), {
    description: 'Labels, KEY or KEY=VALUE: the more of them agree from the first one on, the sooner. Wins over all.',
  }),
  regionalFailover,
  automaticLoadBalancing: object({ enabled: boolean() }),
})
