import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { typeUrls } from '../../ads/index.ts'
import { Rehearsal } from './rehearsal.ts'

/** Stand-ins that share one list of clusters and have one of listeners each. */
function setUp(count: number, isServing: () => boolean) {
  const shared = { names: ['a', 'b'], revision: {} }
  const asked: string[] = []
  const open = new Set<number>()
  const show = (id: number) => () => {
    open.add(id)
    const own = { names: [`own-${id}`], revision: {} }
    return {
      resources: {
        lists: (typeUrl: string) =>
          typeUrl === typeUrls.cluster ? [shared] : typeUrl === typeUrls.listener ? [own] : [],
        includes: () => false,
        get: (_typeUrl: string, name: string) => void asked.push(name),
      },
      close: () => void open.delete(id),
    }
  }
  const standIns = () => Array.from({ length: count }, (_, id) => show(id))
  return { rehearsal: new Rehearsal({ standIns, isServing }), asked, open }
}

it('asks once for what stand-ins share, and keeps them', async () => {
  const { rehearsal, asked, open } = setUp(3, () => false)
  rehearsal.start()
  await expect.poll(() => asked).toEqual(['a', 'b', 'own-0', 'own-1', 'own-2'])
  expect([...open]).toEqual([0, 1, 2])
  rehearsal.stop()
  expect(open.size).toBe(0)
})

it('does nothing more once a proxy is connected', async () => {
  const { rehearsal, asked, open } = setUp(3, () => true)
  rehearsal.start()
  await turn()
  await turn()
  expect([asked, open.size]).toEqual([[], 0])
  rehearsal.stop()
})
