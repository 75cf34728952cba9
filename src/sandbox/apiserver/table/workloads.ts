// Tables of apps and batch.
import { type JsonObject, listAt, numberAt, objectAt, objectsAt, textAt } from '../json.ts'
import type { Cell } from '../resource.ts'
import { selectorText } from '../rest/selectors.ts'
import { age, duration } from './age.ts'
import { ageOf, containerCells, labelsText, table } from './columns.ts'

const spec = (o: JsonObject, key: string): number => numberAt(o, 'spec', key) ?? 0
const status = (o: JsonObject, key: string): number => numberAt(o, 'status', key) ?? 0
const template = (o: JsonObject): [string, string] => containerCells(objectAt(o, 'spec', 'template', 'spec'))
const selector = (o: JsonObject): string => selectorText(objectAt(o, 'spec', 'selector'))

export const deploymentTable = table('Ready,Up-to-date,Available,Age|Containers,Images,Selector', (o) => [
  `${status(o, 'readyReplicas')}/${spec(o, 'replicas')}`,
  String(status(o, 'updatedReplicas')),
  String(status(o, 'availableReplicas')),
  ageOf(o),
  ...template(o),
  selector(o),
])

const replicaCells = (o: JsonObject): Cell[] => [
  spec(o, 'replicas'),
  status(o, 'replicas'),
  status(o, 'readyReplicas'),
  ageOf(o),
  ...template(o),
]

export const replicaSetTable = table(
  'Desired:integer,Current:integer,Ready:integer,Age|Containers,Images,Selector',
  (o) => [...replicaCells(o), selector(o)],
)

export const replicationControllerTable = table(
  'Desired:integer,Current:integer,Ready:integer,Age|Containers,Images,Selector',
  (o) => [...replicaCells(o), labelsText(objectAt(o, 'spec', 'selector'))],
)

export const statefulSetTable = table('Ready,Age|Containers,Images', (o) => [
  `${status(o, 'readyReplicas')}/${spec(o, 'replicas')}`,
  ageOf(o),
  ...template(o),
])

export const daemonSetTable = table(
  'Desired:integer,Current:integer,Ready:integer,Up-to-date:integer,Available:integer,Node Selector,Age|Containers,Images,Selector',
  (o) => [
    status(o, 'desiredNumberScheduled'),
    status(o, 'currentNumberScheduled'),
    status(o, 'numberReady'),
    status(o, 'updatedNumberScheduled'),
    status(o, 'numberAvailable'),
    labelsText(objectAt(o, 'spec', 'template', 'spec', 'nodeSelector')),
    ageOf(o),
    ...template(o),
    selector(o),
  ],
)

function jobStatus(job: JsonObject): string {
  const has = (type: string): boolean =>
    objectsAt(job, 'status', 'conditions').some((c) => textAt(c, 'type') === type && textAt(c, 'status') === 'True')
  if (has('Complete')) return 'Complete'
  if (has('Failed')) return 'Failed'
  if (textAt(job, 'metadata', 'deletionTimestamp')) return 'Terminating'
  if (has('Suspended')) return 'Suspended'
  if (has('FailureTarget')) return 'FailureTarget'
  return has('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running'
}

function jobCompletions(job: JsonObject): string {
  const done = status(job, 'succeeded')
  const wanted = numberAt(job, 'spec', 'completions')
  if (wanted !== undefined) return `${done}/${wanted}`
  const parallelism = spec(job, 'parallelism')
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`
}

function jobDuration(job: JsonObject): string {
  const start = textAt(job, 'status', 'startTime')
  if (!start) return ''
  const end = textAt(job, 'status', 'completionTime')
  return end ? duration(Date.parse(end) - Date.parse(start)) : age(start)
}

export const jobTable = table('Status,Completions,Duration,Age|Containers,Images,Selector', (o) => [
  jobStatus(o),
  jobCompletions(o),
  jobDuration(o),
  ageOf(o),
  ...template(o),
  selector(o),
])

export const cronJobTable = table(
  'Schedule,Timezone,Suspend,Active:integer,Last Schedule,Age|Containers,Images,Selector',
  (o) => {
    const last = textAt(o, 'status', 'lastScheduleTime')
    return [
      textAt(o, 'spec', 'schedule'),
      textAt(o, 'spec', 'timeZone') || '<none>',
      objectAt(o, 'spec')?.['suspend'] === true ? 'True' : 'False',
      listAt(o, 'status', 'active').length,
      last ? age(last) : '<none>',
      ageOf(o),
      ...containerCells(objectAt(o, 'spec', 'jobTemplate', 'spec', 'template', 'spec')),
      selectorText(objectAt(o, 'spec', 'jobTemplate', 'spec', 'selector')),
    ]
  },
)

export const controllerRevisionTable = table('Controller,Revision:integer,Age', (o) => {
  const owner = objectsAt(o, 'metadata', 'ownerReferences').find((r) => r['controller'] === true)
  const [group] = textAt(owner, 'apiVersion').split('/')
  const kind = textAt(owner, 'kind').toLowerCase()
  return [
    owner ? `${kind}${group ? `.${group}` : ''}/${textAt(owner, 'name')}` : '<none>',
    numberAt(o, 'revision') ?? 0,
    ageOf(o),
  ]
})
