import {
  boolean,
  defineKind,
  duration,
  integer,
  list,
  map,
  object,
  oneOf,
  required,
  type Static,
  string,
} from '../dsl.ts'
import type { KubeObject } from '../kube-object.ts'
import { checkFailover } from './failover-check.ts'
import { fairlead, statusFields } from './group.ts'

const member = object({
  clusters: list(string({ minLength: 1 }), {
    minItems: 1,
    maxItems: 64,
    description: 'Names of clusters; `.` is the cluster of the caller. Without: any.',
  }),
  localities: list(string({ minLength: 1 }), {
    minItems: 1,
    maxItems: 64,
    description: 'REGION, REGION/ZONE or REGION/ZONE/SUBZONE; `*` stands for any. Without: anywhere.',
  }),
  same: oneOf(['Cluster', 'Network', 'Region', 'Zone', 'Subzone', 'Node'], {
    description: 'What the endpoint must have in common with the caller.',
  }),
  subset: string({ minLength: 1, description: 'A subset of the DestinationRule that holds for the service.' }),
  labels: map(string(), { minProperties: 1, maxProperties: 16, description: 'Labels of the workloads.' }),
  weight: integer({
    minimum: 0,
    maximum: 10_000,
    description:
      'Share among the members of the rung. Without: by the number of endpoints. All members have one, or none.',
  }),
})

const rung = object(
  {
    name: string({ minLength: 1, maxLength: 63, description: 'For messages and statuses; without: by its number.' }),
    members: required(
      list(member, { minItems: 1, maxItems: 16, description: 'Who is in it: what any of them selects.' }),
    ),
  },
  {
    rules: [
      {
        rule: 'self.members.all(m, has(m.weight)) || self.members.all(m, !has(m.weight))',
        message: 'all members of a rung have a weight, or none has',
      },
      {
        rule: '!self.members.all(m, has(m.weight) && m.weight == 0)',
        message: 'the weights of a rung must not all be 0',
      },
    ],
  },
)

const thresholds = object(
  {
    spillBelowPercent: integer({
      minimum: 1,
      maximum: 100,
      description:
        'A rung takes all requests for as long as this much of it is healthy; below, the rest goes to the next one. Without: 71.',
    }),
    failedBelowPercent: integer({
      minimum: 0,
      maximum: 100,
      description:
        'A rung of which less than this is ready gets nothing, as long as others can take everything. Without: 0, that is never.',
    }),
  },
  {
    description: 'From when on the next rung takes part, in percent of the rung’s capacity.',
    rules: [
      {
        rule: '!has(self.spillBelowPercent) || !has(self.failedBelowPercent) || self.failedBelowPercent <= self.spillBelowPercent',
        message: 'failedBelowPercent must not be above spillBelowPercent',
      },
    ],
  },
)

const retry = object(
  {
    attempts: integer({ minimum: 0, maximum: 20, description: 'How often a request is sent again. Without: 4.' }),
    perTryTimeout: duration({
      minimum: '1ms',
      description: 'After this a try counts as failed. Must be longer than the service ever takes. Without: never.',
    }),
    triesPerRung: integer({
      minimum: 1,
      maximum: 10,
      description: 'After so many tries in one rung the next try is in another one. Without: 1.',
    }),
  },
  {
    description: 'What is sent again, and where. What a route says of retries holds instead.',
  },
)

const failBack = object(
  {
    after: duration({
      description: 'A rung that failed must have been well for so long before it gets requests again.',
    }),
    over: duration({ description: 'Then its share grows evenly, and is whole after this.' }),
  },
  {
    description: 'How a rung that failed comes back. Without: at once.',
  },
)

export const failoverSpec = object(
  {
    hosts: required(
      list(string({ minLength: 1, maxLength: 253 }), {
        minItems: 1,
        maxItems: 64,
        description:
          'The services: names in this namespace, or full hosts. Only in the root namespace those of other namespaces.',
        rules: [
          { rule: "self.all(h, !h.startsWith('*'))", message: 'must name one service each: wildcards are not allowed' },
        ],
      }),
    ),
    rungs: list(rung, {
      minItems: 1,
      maxItems: 16,
      description:
        'In which order endpoints are used; each is in the first rung that has it. Without: what DestinationRule and mesh say.',
      rules: [
        {
          rule: 'self.all(r, !has(r.name) || self.exists_one(o, has(o.name) && o.name == r.name))',
          message: 'names of rungs must differ',
        },
      ],
    }),
    others: oneOf(['LastRung', 'Never'], {
      description:
        'Endpoints that no rung has: used when all rungs have failed (LastRung, which is the default), or never.',
    }),
    thresholds,
    retry,
    failBack,
    disabled: boolean({ description: 'The services do not fail over: they get what Istio would give them.' }),
  },
  {
    rules: [
      {
        rule: 'has(self.rungs) || has(self.thresholds) || has(self.retry) || has(self.failBack) || has(self.disabled)',
        message: 'says nothing: give rungs, thresholds, retry, failBack or disabled',
      },
    ],
  },
)

export type FailoverSpec = Static<typeof failoverSpec>
export type FailoverRung = Static<typeof rung>
export type FailoverMember = Static<typeof member>

/** What a status tells of each service that the object names. */
const serviceStatus = object({
  host: string(),
  inForce: boolean(),
  reason: string(),
  rungs: list(object({ name: string(), clusters: list(string()), endpoints: integer() })),
})

export const failoverStatus = object({
  ...statusFields,
  services: list(serviceStatus, { description: 'What became of each service that the object names.' }),
})

export type FailoverStatus = Static<typeof failoverStatus>
export type Failover = KubeObject<FailoverSpec, FailoverStatus>

export const failoverKind = defineKind({
  ...fairlead,
  kind: 'Failover',
  plural: 'failovers',
  shortNames: ['fo'],
  description:
    'Where requests to services go when endpoints fail: in which order, from when on, and how they come back.',
  spec: failoverSpec,
  status: failoverStatus,
  printerColumns: [
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'The services.' },
    {
      name: 'Accepted',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Accepted")].status',
      description: 'Whether it is in force.',
    },
  ],
  checkFields: checkFailover,
})
