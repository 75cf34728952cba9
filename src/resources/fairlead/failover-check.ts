import type { Place } from '../check.ts'
import type { KubeObject } from '../kube-object.ts'
import type { FailoverMember, FailoverRung, FailoverSpec } from './failover.ts'

/** What of a Failover's spec can be judged without anything else. */
export function checkFailover(root: Place, { spec }: KubeObject<FailoverSpec>): void {
  if (!spec) return
  const place = root.field('spec')
  checkHosts(place.field('hosts'), spec.hosts)
  const { rungs, thresholds } = spec
  const rest = [rungs, thresholds, spec.retry, spec.failBack, spec.disabled]
  if (rest.every((part) => part === undefined))
    place.error('says nothing: give rungs, thresholds, retry, failBack or disabled')
  if (spec.disabled && rest.slice(0, 4).some((part) => part !== undefined))
    place.field('disabled').warn('nothing else that the object says has an effect')
  if ((thresholds?.failedBelowPercent ?? 0) > (thresholds?.spillBelowPercent ?? 71))
    place.field('thresholds').field('failedBelowPercent').error('must not be above spillBelowPercent (71 if not given)')
  checkRungs(place.field('rungs'), rungs ?? [])
  const never = spec.others === 'Never'
  if (never && rungs === undefined) place.field('others').warn('has no effect without rungs')
}

function checkHosts(place: Place, hosts: readonly string[] | undefined): void {
  place.each(hosts, (at, host, index) => {
    if (host.startsWith('*')) at.error('must name one service: wildcards are not allowed')
    else if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(host)) at.error(`${JSON.stringify(host)} is no host`)
    else if (hosts?.indexOf(host) !== index) at.warn('is named twice')
  })
}

function checkRungs(place: Place, rungs: readonly FailoverRung[]): void {
  const before: { readonly rung: string; readonly member: FailoverMember }[] = []
  place.each(rungs, (at, rung, index) => {
    const name = rungName(rung, index)
    if (rungs.findIndex((other, number) => rungName(other, number) === name) !== index)
      at.field('name').error(`another rung is named ${JSON.stringify(name)}, too`)
    checkWeights(at.field('members'), rung.members)
    at.field('members').each(rung.members, (of, member) => {
      const taken = before.find((other) => covers(other.member, member))
      if (taken) {
        const what = taken.rung === name ? 'a member before it' : `rung ${taken.rung}, which comes before,`
        of.warn(`gets no endpoint: ${what} has all that it selects`)
      }
      checkMember(of, member)
      before.push({ rung: name, member })
    })
  })
}

/** How a rung is called: by its name, else by its number, from 1. */
export function rungName(rung: FailoverRung, index: number): string {
  return rung.name ?? `rung-${index + 1}`
}

function checkWeights(place: Place, members: readonly FailoverMember[]): void {
  const weights = members.map(({ weight }) => weight)
  if (weights.some((each) => each === undefined) && weights.some((each) => each !== undefined))
    place.error('all members of a rung have a weight, or none has')
  else if (weights.length > 0 && weights.every((each) => each === 0))
    place.error('the weights of a rung must not all be 0: nobody would get its requests')
}

function checkMember(place: Place, { clusters, localities }: FailoverMember): void {
  place.field('clusters').each(clusters, (at, name, index) => {
    if (clusters?.indexOf(name) !== index) at.warn('is named twice')
  })
  place.field('localities').each(localities, (at, locality) => {
    if (locality.split('/').length > 3) at.error('must be REGION, REGION/ZONE or REGION/ZONE/SUBZONE')
  })
}

const nearness = ['Region', 'Zone', 'Subzone'] as const

/** Whether everything that `inner` selects is selected by `outer`, too. */
export function covers(outer: FailoverMember, inner: FailoverMember): boolean {
  const { clusters, localities, same, subset, labels } = outer
  return (
    (clusters === undefined || (inner.clusters?.every((name) => clusters.includes(name)) ?? false)) &&
    (localities === undefined ||
      (inner.localities?.every((place) => localities.some((wide) => placeCovers(wide, place))) ?? false)) &&
    (same === undefined || isNearer(same, inner)) &&
    (subset === undefined || subset === inner.subset) &&
    Object.entries(labels ?? {}).every(([name, value]) => inner.labels?.[name] === value)
  )
}

function isNearer(same: NonNullable<FailoverMember['same']>, inner: FailoverMember): boolean {
  if (inner.same === same) return true
  if (same === 'Cluster') return inner.clusters?.length === 1 && inner.clusters[0] === '.'
  const [wide, narrow] = [nearness.indexOf(same as 'Zone'), nearness.indexOf(inner.same as 'Zone')]
  return wide >= 0 && narrow >= wide
}

function placeCovers(wide: string, narrow: string): boolean {
  const parts = narrow.split('/')
  return wide.split('/').every((part, at) => part === '*' || part === '' || part === parts[at])
}
