import { expect, test, vi } from 'vitest'
import { type Phase, WriteOrder } from './write-order.ts'
import { type Write, WriteQueue } from './write-queue.ts'

function setUp() {
  let now = 0
  const written: string[] = []
  const queues = new Map<string, WriteQueue>()
  const order = new WriteOrder(
    queues,
    (cluster) => !behind.has(cluster),
    () => now,
  )
  const failing = new Set<string>()
  const behind = new Set<string>()
  const queue = (cluster: string): WriteQueue => {
    const made = new WriteQueue({
      failed: () => undefined,
      firstRetryMs: 10,
      maximumRetryMs: 10,
      mayBegin: ({ phase }) => phase === undefined || order.mayBegin(cluster, phase),
      done: ({ phase }) => phase && order.done(cluster, phase),
    })
    queues.set(cluster, made)
    return made
  }
  const write = (id: string, phase: Phase, step: number, gate: Promise<unknown> = Promise.resolve()): Write => ({
    id,
    content: 'x',
    step,
    phase,
    run: async () => {
      await gate
      if (failing.has(id)) throw new Error('refused')
      written.push(id)
    },
  })
  return {
    order,
    queue,
    write,
    written,
    failing,
    behind,
    pass: (ms: number) => (now += ms),
    stop: () => queues.forEach((q) => q.stop()),
  }
}

test('routes wait for what they refer to on other clusters, and that goes only after them', async () => {
  const { order, queue, write, written, behind, pass, stop } = setUp()
  const gate = Promise.withResolvers<void>()
  const [east, west] = [queue('east'), queue('west')]
  west.set([write('west gateway', 'referred', 0, gate.promise)])
  east.set([write('east entry', 'referred', 0), write('east route', 'routes', 1)])
  await vi.waitFor(() => expect(written).toEqual(['east entry']))
  behind.add('west')
  gate.resolve()
  await vi.waitFor(() => expect(written).toEqual(['east entry', 'west gateway']))
  west.set([]) // The watch has brought it back; its proxies have not taken it.
  expect(order.mayBegin('east', 'routes')).toBe(false)
  behind.clear()
  await vi.waitFor(() => expect(written).toEqual(['east entry', 'west gateway', 'east route']))

  west.set([write('west gateway removed', 'unreferred', 200)])
  east.set([write('east route removed', 'routes', 200)])
  await vi.waitFor(() => expect(written).toContain('east route removed'))
  expect(written).not.toContain('west gateway removed')
  east.set([])
  pass(2000)
  await vi.waitFor(() => expect(written).toContain('west gateway removed'))
  stop()
})

test('a cluster that refuses writes keeps no other waiting', async () => {
  const { queue, write, written, failing, stop } = setUp()
  failing.add('west gateway')
  queue('west').set([write('west gateway', 'referred', 0)])
  queue('east').set([write('east route', 'routes', 1)])
  await vi.waitFor(() => expect(written).toEqual(['east route']))
  failing.clear()
  await vi.waitFor(() => expect(written).toContain('west gateway'))
  stop()
})
