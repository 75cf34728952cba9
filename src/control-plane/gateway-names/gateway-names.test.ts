import { afterEach, expect, it, vi } from 'vitest'
import { Engine } from '../../pipeline/index.ts'
import { GatewayNames } from './gateway-names.ts'

afterEach(() => void vi.useRealTimers())

it('keeps addresses of names, asks again in time, and keeps the last ones while nobody answers', async () => {
  vi.useFakeTimers()
  const engine = new Engine()
  const names = engine.table<string>('names')
  const documents = engine.table<string>('documents')
  const wanted = engine.define<string, readonly string[]>('wanted', (read) => read.all(names))
  let answer: string[] | undefined = ['10.0.0.2', '10.0.0.1']
  const asked: string[] = []
  const told: string[] = []
  const gateways = new GatewayNames({
    engine,
    documents,
    wanted,
    resolve: (name) => {
      asked.push(name)
      return answer ? Promise.resolve({ addresses: answer, ttlSeconds: 5 }) : Promise.reject(new Error('no answer'))
    },
    log: (level) => told.push(level),
  })
  const known = (): string | undefined => {
    engine.rebuild()
    return documents.rows.get('dns:lb.example')
  }
  names.set('a', 'lb.example')
  engine.rebuild()
  engine.rebuildLater()
  await vi.advanceTimersByTimeAsync(0)
  expect(known()).toBe('["10.0.0.1","10.0.0.2"]')
  answer = undefined
  await vi.advanceTimersByTimeAsync(5000)
  expect([known(), told]).toEqual(['["10.0.0.1","10.0.0.2"]', ['warn']])
  answer = ['10.0.0.3']
  await vi.advanceTimersByTimeAsync(5000)
  expect([known(), told]).toEqual(['["10.0.0.3"]', ['warn', 'info']])
  expect(asked).toHaveLength(3)
  names.delete('a')
  engine.rebuild()
  engine.rebuildLater()
  expect(known()).toBeUndefined()
  gateways.stop()
})
