// Writing answers.
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { stringify } from 'yaml'
import type { ApiError } from '../errors.ts'
import { type JsonObject, parseJson, writeJson } from '../json.ts'

/** One answer being made: collects warnings until it is sent. */
export class Answer {
  readonly response: ServerResponse
  readonly #warnings: string[] = []
  readonly #gzip: boolean

  constructor(response: ServerResponse, acceptEncoding: string) {
    this.response = response
    this.#gzip = /\bgzip\b/.test(acceptEncoding)
  }

  warn(text: string): void {
    if (!this.#warnings.includes(text)) this.#warnings.push(text)
  }

  setWarnings(): void {
    if (this.#warnings.length > 0) {
      this.response.setHeader(
        'Warning',
        this.#warnings.map((w) => `299 - ${JSON.stringify(w)}`),
      )
    }
  }

  /** Sends text that is JSON already. */
  json(code: number, text: string, media: 'json' | 'yaml' = 'json'): void {
    this.setWarnings()
    if (media === 'yaml') {
      this.#send(
        code,
        'application/yaml',
        stringify(parseJson(text), { version: '1.1', sortMapEntries: true, lineWidth: 0 }),
      )
      return
    }
    this.#send(code, 'application/json', text)
  }

  object(code: number, body: JsonObject, media: 'json' | 'yaml' = 'json'): void {
    this.json(code, `${writeJson(body)}\n`, media)
  }

  error(error: ApiError, media: 'json' | 'yaml' = 'json'): void {
    const retry = error.details?.retryAfterSeconds
    if (retry !== undefined) this.response.setHeader('Retry-After', String(retry))
    this.object(error.code, error.status(), media)
  }

  text(code: number, body: string): void {
    this.setWarnings()
    this.#send(code, 'text/plain; charset=utf-8', body)
  }

  /** Sends a document of another media type, with a tag; 304 where the client has it. */
  document(type: string, body: string, tag: string, ifNoneMatch: string | undefined): void {
    this.response.setHeader('ETag', tag)
    this.response.setHeader('Vary', 'Accept')
    if (ifNoneMatch?.split(',').some((t) => t.trim() === tag)) {
      this.response.writeHead(304).end()
      return
    }
    this.#send(200, type, body)
  }

  bytes(type: string, body: Buffer): void {
    this.response.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length }).end(body)
  }

  #send(code: number, type: string, body: string): void {
    let bytes: Buffer = Buffer.from(body, 'utf8')
    if (this.#gzip && bytes.length > 128 * 1024) {
      bytes = gzipSync(bytes, { level: 1 })
      this.response.setHeader('Content-Encoding', 'gzip')
      this.response.setHeader('Vary', 'Accept-Encoding')
    }
    this.response.writeHead(code, { 'Content-Type': type, 'Content-Length': bytes.length })
    this.response.end(bytes)
  }
}
