// xxHash64, by which Envoy places requests and endpoints on its rings. Source: the algorithm's specification.

const p1 = 0x9e3779b185ebca87n
const p2 = 0xc2b2ae3d27d4eb4fn
const p3 = 0x165667b19e3779f9n
const p4 = 0x85ebca77c2b2ae63n
const p5 = 0x27d4eb2f165667c5n

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value)
const mul = (a: bigint, b: bigint): bigint => u64(a * b)
const rotl = (value: bigint, bits: bigint): bigint => u64((value << bits) | (value >> (64n - bits)))
const round = (lane: bigint, input: bigint): bigint => mul(rotl(u64(lane + mul(input, p2)), 31n), p1)
const merge = (hash: bigint, lane: bigint): bigint => u64(mul(hash ^ round(0n, lane), p1) + p4)

const encoder = new TextEncoder()

/** The hash of a text's UTF-8 bytes. */
export function xxHash64(text: string, seed = 0n): bigint {
  const bytes = encoder.encode(text)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let hash = u64(seed + p5)
  if (bytes.length >= 32) {
    const lanes = [u64(seed + p1 + p2), u64(seed + p2), seed, u64(seed - p1)]
    for (; at + 32 <= bytes.length; at += 32)
      for (const [index, lane] of lanes.entries()) lanes[index] = round(lane, view.getBigUint64(at + index * 8, true))
    hash = u64(lanes.reduce((sum, lane, index) => sum + rotl(lane, [1n, 7n, 12n, 18n][index] ?? 1n), 0n))
    hash = lanes.reduce(merge, hash)
  }
  hash = u64(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8)
    hash = u64(mul(rotl(hash ^ round(0n, view.getBigUint64(at, true)), 27n), p1) + p4)
  if (at + 4 <= bytes.length) {
    hash = u64(mul(rotl(hash ^ mul(BigInt(view.getUint32(at, true)), p1), 23n), p2) + p3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = mul(rotl(hash ^ mul(BigInt(view.getUint8(at)), p5), 11n), p1)
  hash = mul(hash ^ (hash >> 33n), p2)
  hash = mul(hash ^ (hash >> 29n), p3)
  return hash ^ (hash >> 32n)
}
