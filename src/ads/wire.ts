// The few fields of the discovery messages that the server reads and writes, by hand: responses are put together from
// resources that are encoded already, and the thousands of names in a request are not decoded when nothing changed.
// Field numbers are those of envoy/service/discovery/v3/discovery.proto.
import { hash } from 'node:crypto'
import type { EncodedResource } from './resource.ts'
import { ToldTexts } from './told.ts'

/** A rejection as the client reports it (google.rpc.Status). */
export interface ErrorDetail {
  readonly code: number
  readonly message: string
}

interface CommonRequest {
  readonly typeUrl: string
  readonly nonce: string
  readonly error: ErrorDetail | undefined
  /** envoy.config.core.v3.Node, encoded; only the first request of a stream has it. */
  readonly node: Uint8Array | undefined
}

export interface SotwRequest extends CommonRequest {
  readonly versionInfo: string
  /** Equal for equal lists of names; lets an acknowledgement that repeats all names be passed over cheaply. */
  readonly namesKey: string
  names(): string[]
}

export interface DeltaRequest extends CommonRequest {
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** Name → version of what the client has from an earlier stream. */
  readonly initialVersions: ReadonlyMap<string, string>
}

/** A message that is no valid protobuf. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
}

/** Calls `visit` for each field: the payload's bounds for length-delimited fields, the value for varints. */
function eachField(
  buffer: Buffer,
  visit: (field: number, start: number, end: number, value: number) => void,
  begin = 0,
  end = buffer.length,
): void {
  let at = begin
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = at < end ? buffer[at] : undefined
      at++
      if (byte === undefined) throw new MalformedRequest('the message is cut off')
      // Beyond 53 bits the value is of no use to us, only its length is.
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new MalformedRequest('a number is too long')
  }
  while (at < end) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    switch (tag & 7) {
      case 0:
        visit(field, at, at, varint())
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = varint()
        const start = at
        at += length
        if (at > end) throw new MalformedRequest('the message is cut off')
        visit(field, start, at, 0)
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new MalformedRequest(`unknown wire type ${tag & 7}`)
    }
  }
}

function decodeError(buffer: Buffer): ErrorDetail {
  let code = 0
  let message = ''
  eachField(buffer, (field, start, end, value) => {
    if (field === 1) code = value
    if (field === 2) message = buffer.toString('utf8', start, end)
  })
  return { code, message }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Lists of names longer than this, in bytes, are compared by their hash. */
const longKey = 512

export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const buffer = asBuffer(bytes)
  const told = new ToldTexts(buffer)
  let versionInfo = ''
  let typeUrl = ''
  let nonce = ''
  let node: Uint8Array | undefined
  let error: ErrorDetail | undefined
  const bounds: number[] = []
  eachField(buffer, (field, start, end) => {
    if (field === 1) versionInfo = buffer.toString('utf8', start, end)
    else if (field === 2) node = buffer.subarray(start, end)
    else if (field === 3) bounds.push(start, end)
    else if (field === 4) typeUrl = buffer.toString('utf8', start, end)
    else if (field === 5) nonce = buffer.toString('utf8', start, end)
    else if (field === 6) error = decodeError(buffer.subarray(start, end))
  })
  const names = (): string[] => {
    const list: string[] = []
    for (let i = 0; i < bounds.length; i += 2) list.push(told.text(bounds[i] ?? 0, bounds[i + 1] ?? 0))
    return list
  }
  // The bytes from the first name to the last stand for the list; what else may lie between only makes keys differ.
  const region = buffer.subarray(bounds[0] ?? 0, bounds.at(-1) ?? 0)
  const text = region.length > longKey ? hash('sha1', region, 'base64') : region.toString('latin1')
  return { versionInfo, typeUrl, nonce, node, error, namesKey: `${bounds.length / 2}:${text}`, names }
}

export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const buffer = asBuffer(bytes)
  const told = new ToldTexts(buffer)
  let typeUrl = ''
  let nonce = ''
  let node: Uint8Array | undefined
  let error: ErrorDetail | undefined
  const subscribe: string[] = []
  const unsubscribe: string[] = []
  const initialVersions = new Map<string, string>()
  eachField(buffer, (field, start, end) => {
    if (field === 1) node = buffer.subarray(start, end)
    else if (field === 2) typeUrl = told.text(start, end)
    else if (field === 3) subscribe.push(told.text(start, end))
    else if (field === 4) unsubscribe.push(told.text(start, end))
    else if (field === 5) {
      let name = ''
      let version = ''
      eachField(
        buffer,
        (part, from, to) => {
          if (part === 1) name = told.text(from, to)
          if (part === 2) version = told.text(from, to)
        },
        start,
        end,
      )
      initialVersions.set(name, version)
    } else if (field === 6) nonce = buffer.toString('utf8', start, end)
    else if (field === 7) error = decodeError(buffer.subarray(start, end))
  })
  return { typeUrl, nonce, node, error, subscribe, unsubscribe, initialVersions }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}

function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = value
  let position = at
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) target[position++] = (rest % 128) | 0x80
  target[position++] = rest
  return position
}

/** Tag and length of a length-delimited field. All fields used here have numbers below 16: one byte of tag. */
function fieldHead(number: number, length: number): Buffer {
  const target = Buffer.allocUnsafe(1 + varintSize(length))
  target[0] = (number << 3) | 2
  writeVarint(target, 1, length)
  return target
}

function textField(number: number, text: string): Buffer {
  if (text === '') return Buffer.alloc(0)
  const payload = Buffer.from(text)
  return Buffer.concat([fieldHead(number, payload.length), payload])
}

type Pieces = readonly Uint8Array[]

const sizeOf = (pieces: Pieces): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/** A part of a response that is the same for all who get it. */
const sotwKept = new WeakMap<EncodedResource, Pieces>()
const deltaKept = new WeakMap<EncodedResource, Pieces>()

/** Small resources are copied into one piece with what surrounds them; the pieces of large ones are left where they are. */
const copyLimit = 16_384

function framed(resource: EncodedResource, head: Buffer, tail: Buffer): Pieces {
  if (head.length + resource.size + tail.length > copyLimit) return [head, ...resource.pieces(), tail]
  const whole = Buffer.concat([head, ...resource.pieces(), tail])
  resource.moved?.(whole.subarray(head.length, head.length + resource.size))
  return [whole]
}

/** `DiscoveryResponse.resources` with one resource in it; made once for each resource. */
function sotwEntry(resource: EncodedResource): Pieces {
  let entry = sotwKept.get(resource)
  if (!entry) {
    entry = framed(resource, fieldHead(2, resource.size), Buffer.alloc(0))
    sotwKept.set(resource, entry)
  }
  return entry
}

/** `DeltaDiscoveryResponse.resources` with one resource in it; made once for each resource. */
function deltaEntry(resource: EncodedResource): Pieces {
  let entry = deltaKept.get(resource)
  if (!entry) {
    const version = Buffer.concat([textField(1, resource.version), fieldHead(2, resource.size)])
    const name = textField(3, resource.name)
    const head = fieldHead(2, version.length + resource.size + name.length)
    entry = framed(resource, Buffer.concat([head, version]), name)
    deltaKept.set(resource, entry)
  }
  return entry
}

/** Field `resources` of a DiscoveryResponse, in pieces. */
export function sotwEntries(resources: readonly EncodedResource[]): Pieces {
  return resources.flatMap(sotwEntry)
}

/** Field `resources` of a DeltaDiscoveryResponse, in pieces. */
export function deltaEntries(resources: readonly EncodedResource[]): Pieces {
  return resources.flatMap(deltaEntry)
}

/** A DiscoveryResponse, in pieces; `entries` is its field `resources`. */
export function encodeSotwResponse(typeUrl: string, nonce: string, version: string, entries: Pieces): Pieces {
  return [...entries, Buffer.concat([textField(1, version), textField(4, typeUrl), textField(5, nonce)])]
}

/** A DeltaDiscoveryResponse, in pieces; `entries` is its field `resources`. */
export function encodeDeltaResponse(
  typeUrl: string,
  nonce: string,
  entries: Pieces,
  removed: readonly string[],
): Pieces {
  const tail = [textField(4, typeUrl), textField(5, nonce), ...removed.map((name) => textField(6, name))]
  return [...entries, Buffer.concat(tail)]
}

/** A google.protobuf.Any around a message that is encoded already, in pieces. */
export function anyOf(typeUrl: string, message: Pieces): { readonly size: number; readonly pieces: Pieces } {
  const pieces = [Buffer.concat([textField(1, typeUrl), fieldHead(2, sizeOf(message))]), ...message]
  return { size: sizeOf(pieces), pieces }
}
