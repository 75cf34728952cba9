import { expect } from 'vitest'
import type { CallOptions, ExpectedCall, Shares, TestMesh } from './mesh.ts'

/** What a call is expected to do; each check returns the same for more. */
export interface CallExpectation {
  /** All calls end at that pod, or in the given shares. */
  reaches(where: string | Shares): CallExpectation
  answers(status: number): CallExpectation
  redirectsTo(location: string): CallExpectation
  isClosed(): CallExpectation
  /** As the program gets it. */
  arrivesAs(request: { host?: string; path?: string; headers?: Readonly<Record<string, string>> }): CallExpectation
  /** The program gets no such header. */
  lacks(header: string): CallExpectation
  /** Headers that proxies add to the answer. */
  addsToAnswer(headers: Readonly<Record<string, string>>, how?: 'exactly'): CallExpectation
}

/** `expectCall(mesh, 'client-v1-0.shop', 'GET http://cart/').reaches('cart-v1-0')` */
export function expectCall(mesh: TestMesh, from: string, to: string, options: CallOptions = {}): CallExpectation {
  const call: ExpectedCall = mesh.call(from, to, options)
  const told = `${from} ${to} ${JSON.stringify(options)}: ${JSON.stringify(call.outcomes)}`
  const self: CallExpectation = {
    reaches(where) {
      expect(call.shares, told).toEqual(typeof where === 'string' ? { [where]: 1 } : where)
      return self
    },
    answers(status) {
      expect(call.shares, told).toEqual({ [status]: 1 })
      return self
    },
    redirectsTo(location) {
      expect(call.location, told).toBe(location)
      return self
    },
    isClosed() {
      expect(call.shares, told).toEqual({ closed: 1 })
      return self
    },
    arrivesAs(request) {
      expect(call.arrival, told).toMatchObject(request)
      return self
    },
    lacks(header) {
      expect(Object.keys(call.arrival.headers), told).not.toContain(header)
      return self
    },
    addsToAnswer(headers, how) {
      if (how === 'exactly') expect(call.arrival.answer, told).toEqual(headers)
      else expect(call.arrival.answer, told).toMatchObject(headers)
      return self
    },
  }
  return self
}
