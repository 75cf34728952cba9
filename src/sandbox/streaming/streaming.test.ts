import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { constants, createDeflate } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { exitStatus } from './exec.ts'
import { logOptions, sendLog } from './logs.ts'
import { servePortForward } from './port-forward.ts'
import { spdyDictionary } from './spdy-dictionary.ts'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-logs-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('logs', () => {
  const path = join(folder, 'log')
  writeFileSync(path, '2026-01-01T00:00:00.5Z first\n2026-01-01T00:00:10.5Z second one\n2026-01-01T00:00:20.5Z third\n')
  const show = async (query: string): Promise<string> => {
    const out = new PassThrough()
    const printed = text(out)
    await sendLog(path, logOptions(new URLSearchParams(query), Date.parse('2026-01-01T00:00:21Z')), out, () => false)
    return printed
  }

  it('come without their times unless these are asked for', async () => {
    expect(await show('')).toBe('first\nsecond one\nthird\n')
    expect(await show('timestamps=true&tailLines=1')).toBe('2026-01-01T00:00:20.5Z third\n')
  })

  it('are cut by lines, age and bytes', async () => {
    expect(await show('tailLines=2')).toBe('second one\nthird\n')
    expect(await show('tailLines=0')).toBe('')
    expect(await show('sinceSeconds=15')).toBe('second one\nthird\n')
    expect(await show('limitBytes=8')).toBe('first\nse')
  })

  it('that are followed end with the container', async () => {
    expect(await show('follow=true&tailLines=1')).toBe('third\n')
  })
})

describe('exit status', () => {
  it('says success, or the code', () => {
    expect(JSON.parse(exitStatus(0, null))).toMatchObject({ status: 'Success' })
    expect(JSON.parse(exitStatus(3, null))).toMatchObject({ details: { causes: [{ message: '3' }] } })
    expect(JSON.parse(exitStatus(null, 'SIGKILL'))).toMatchObject({ details: { causes: [{ message: '137' }] } })
  })
})

describe('SPDY', () => {
  it('has the dictionary that the draft names by its checksum', () => {
    let [a, b] = [1, 0]
    for (const byte of spdyDictionary) {
      a = (a + byte) % 65_521
      b = (b + a) % 65_521
    }
    expect(((b << 16) | a) >>> 0).toBe(0xe3c6a7c2)
  })

  it('forwards a pair of streams to a port and back', async () => {
    const [client, server] = duplexPair()
    const asked: number[] = []
    servePortForward(server, (port) => {
      asked.push(port)
      return new PassThrough()
    })
    const deflate = createDeflate({ dictionary: spdyDictionary })
    for (const [id, type] of [
      [1, 'error'],
      [3, 'data'],
    ] as const) {
      const block = await compress(deflate, headerBlock({ streamType: type, port: '8080', requestID: '0' }))
      const payload = Buffer.concat([Buffer.from([0, 0, 0, id, 0, 0, 0, 0, 0, 0]), block])
      client.write(Buffer.concat([Buffer.from([0x80, 3, 0, 1]), lengthAndFlags(payload.length, 0), payload]))
    }
    client.write(Buffer.concat([Buffer.from([0, 0, 0, 3]), lengthAndFlags(4, 0), Buffer.from('ping')]))
    const echoed = await new Promise<Buffer>((resolve) => {
      let seen = Buffer.alloc(0)
      client.on('data', (chunk: Buffer) => {
        seen = Buffer.concat([seen, chunk])
        if (seen.includes('ping')) resolve(seen)
      })
    })
    expect(asked).toEqual([8080])
    expect(echoed.subarray(0, 4)).toEqual(Buffer.from([0x80, 3, 0, 2])) // SYN_REPLY of the first stream
    client.end()
  })
})

function duplexPair(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()]
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })]
}

function headerBlock(headers: Record<string, string>): Buffer {
  const count = Buffer.alloc(4)
  count.writeUInt32BE(Object.keys(headers).length)
  const parts = Object.entries(headers).flat()
  return Buffer.concat([
    count,
    ...parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(part.length)
      return [length, Buffer.from(part)]
    }),
  ])
}

function lengthAndFlags(length: number, flags: number): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  head.writeUInt8(flags)
  return head
}

function compress(deflate: ReturnType<typeof createDeflate>, block: Buffer): Promise<Buffer> {
  const out: Buffer[] = []
  const take = (chunk: Buffer): void => void out.push(chunk)
  deflate.on('data', take)
  return new Promise((resolve) => {
    deflate.write(block, () => {
      deflate.flush(constants.Z_SYNC_FLUSH, () =>
        setImmediate(() => {
          deflate.off('data', take)
          resolve(Buffer.concat(out))
        }),
      )
    })
  })
}
