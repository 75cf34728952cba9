import { expect, test } from 'vitest'
import { Faults, type FaultTargets, type Victim } from './index.ts'

/** Targets that write down what is done to them. */
function recorded(): { targets: FaultTargets; done: string[] } {
  const done: string[] = []
  const say = (text: string): void => void done.push(text)
  const victim = (name: string): Victim => ({
    name,
    setProgramFault: (fault) => say(`${name} ${JSON.stringify(fault) ?? 'well'}`),
    signal: (signal, container) => say([name, ...(container === undefined ? [] : [container]), signal].join(' ')),
  })
  const targets: FaultTargets = {
    pods: async (_context, _namespace, deployment) => (deployment === 'none' ? [] : [victim('a'), victim('b')]),
    vm: victim,
    setReachable: async (context, reachable) => say(`${context} ${reachable ? 'up' : 'down'}`),
    setCut: async (from, to, cut) => say(`${from}-${to} ${cut ? 'cut' : 'joined'}`),
    controlPlane: {
      kill: async () => say('control plane killed'),
      start: async () => say('control plane started'),
      signal: (signal) => say(`control plane ${signal}`),
    },
  }
  return { targets, done }
}

test('a fault hits as many pods as asked for, and is undone by its name', async () => {
  const { targets, done } = recorded()
  const faults = new Faults(targets)
  await faults.apply({
    kind: 'answer',
    name: 'bad',
    status: 503,
    context: 'c',
    namespace: 'n',
    deployment: 'd',
    pods: 1,
  })
  expect(faults.list().map((fault) => fault.name)).toEqual(['bad'])
  await faults.apply({ kind: 'heal', name: 'bad' })
  expect(done).toEqual(['a {"status":503}', 'a well'])
  expect(faults.list()).toEqual([])
})

test('a fault of the same name takes the place of the one before', async () => {
  const { targets, done } = recorded()
  const faults = new Faults(targets)
  await faults.apply({ kind: 'cut', name: 'x', context: 'c1', to: 'c2' })
  await faults.apply({ kind: 'api-down', name: 'x', context: 'c1' })
  expect(done).toEqual(['c1-c2 cut', 'c2-c1 cut', 'c1-c2 joined', 'c2-c1 joined', 'c1 down'])
})

test('a cut can be of one direction, and one container of a pod can be hit', async () => {
  const { targets, done } = recorded()
  const faults = new Faults(targets)
  await faults.apply({ kind: 'cut', context: 'c1', to: 'c2', oneWay: true })
  await faults.apply({
    kind: 'pause',
    context: 'c1',
    namespace: 'n',
    deployment: 'd',
    container: 'istio-proxy',
    pods: 1,
  })
  await faults.apply({ kind: 'heal' })
  expect(done).toEqual(['c1-c2 cut', 'a istio-proxy SIGSTOP', 'c1-c2 joined', 'a istio-proxy SIGCONT'])
})

test('heal without a name ends everything', async () => {
  const { targets, done } = recorded()
  const faults = new Faults(targets)
  await faults.apply({ kind: 'kill', target: 'control-plane' })
  await faults.apply({ kind: 'pause', vm: 'vm1' })
  await faults.apply({ kind: 'heal' })
  expect(done).toEqual(['control plane killed', 'vm1 SIGSTOP', 'control plane started', 'vm1 SIGCONT'])
})

test.each([
  [{ kind: 'slow', context: 'c' }, 'needs delayMs'],
  [{ kind: 'cut', context: 'c' }, 'needs to'],
  [{ kind: 'answer', context: 'c', status: 42 }, 'not an answer'],
  [{ kind: 'pause', context: 'c', namespace: 'n', deployment: 'none' }, 'no pod runs in c/n/none'],
  [{ kind: 'pause', context: 'c', namespace: 'n', deployment: 'd', pods: 3 }, 'only 2 pods'],
  [{ kind: 'answer', status: 500, context: 'c', container: 'x' }, 'cannot be done to one container'],
  [{ kind: 'slow', delayMs: 5, target: 'control-plane' }, 'cannot be done to the control plane'],
  [{ kind: 'heal', name: 'x' }, 'no fault named x'],
] as const)('an order that cannot be done is refused: %j', async (order, message) => {
  await expect(new Faults(recorded().targets).apply(order)).rejects.toThrow(message)
})
