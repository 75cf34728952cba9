// Random objects of fairlead.dev: in which order places are used, and which clusters are to be left alone.
import { compact, type Dice } from './dice.ts'
import { namespace, versions } from './vocabulary.ts'

type Fields = Record<string, unknown>

const object = (kind: string, metadata: Fields, spec: Fields): Fields => ({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind,
  metadata,
  spec,
})

function member(dice: Dice): Fields {
  const by: () => Fields = dice.pick([
    () => ({ clusters: [dice.pick(['.', 'east', 'west'])] }),
    () => ({ localities: dice.some(['r1', 'r1/z1', 'r1/z2', 'r2/*', 'r3/z1'], 1, 2) }),
    () => ({ same: dice.pick(['Cluster', 'Network', 'Region', 'Zone']) }),
    () => ({ labels: { version: dice.pick(versions) } }),
    () => ({ clusters: ['west'], labels: { version: dice.pick(versions) } }),
  ])
  return by()
}

function rung(dice: Dice): Fields {
  const members = dice.list(1, 2, () => member(dice))
  if (!dice.chance(0.5)) return { members }
  return {
    members: members.map((each, at) => ({ ...each, weight: at === 0 ? dice.pick([80, 1]) : dice.pick([0, 20]) })),
  }
}

/** In which order the places of `cart` are used. */
export function failover(dice: Dice): Fields {
  const thresholds = (): Fields => {
    const spill = dice.pick([1, 50, 71, 100])
    return compact({
      spillBelowPercent: spill,
      failedBelowPercent: dice.maybe(0.5, () => Math.min(spill, dice.pick([1, 40, 60]))),
    })
  }
  const spec = compact({
    hosts: [dice.pick(['cart', 'cart.shop.svc.cluster.local'])],
    rungs: dice.maybe(0.85, () => dice.list(1, 3, () => rung(dice))),
    others: dice.maybe(0.4, () => dice.pick(['Never', 'LastRung'])),
    thresholds: dice.maybe(0.5, thresholds),
    retry: dice.maybe(0.3, () => ({ attempts: dice.below(3), triesPerRung: 1 + dice.below(2) })),
  })
  return object('Failover', { name: 'cart', namespace }, dice.chance(0.1) ? { hosts: ['cart'], disabled: true } : spec)
}

export function drain(dice: Dice): Fields {
  return object('Drain', { name: 'away' }, compact({ clusters: dice.maybe(0.7, () => [dice.pick(['east', 'west'])]) }))
}
