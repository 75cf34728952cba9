// NIST's curves y² = x³ - 3x + b (mod p), as far as it takes to tell whether a public key is a point of its curve.

interface Curve {
  readonly bytes: number
  readonly p: bigint
  readonly b: bigint
}

const two = (exponent: number): bigint => 2n ** BigInt(exponent)

/** By the names that JSON web keys give them (SP 800-186, 3.2.1). */
const curves: ReadonlyMap<string, Curve> = new Map([
  [
    'P-256',
    {
      bytes: 32,
      p: two(256) - two(224) + two(192) + two(96) - 1n,
      b: 0x5ac635d8_aa3a93e7_b3ebbd55_769886bc_651d06b0_cc53b0f6_3bce3c3e_27d2604bn,
    },
  ],
  [
    'P-384',
    {
      bytes: 48,
      p: two(384) - two(128) - two(96) + two(32) - 1n,
      b: 0xb3312fa7_e23ee7e4_988e056b_e3f82d19_181d9c6e_fe814112_0314088f_5013875a_c656398d_8a2ed19d_2a85c8ed_d3ec2aefn,
    },
  ],
  [
    'P-521',
    {
      bytes: 66,
      p: two(521) - 1n,
      b: 0x51_953eb961_8e1c9a1f_929a21a0_b68540ee_a2da725b_99b315f3_b8b48991_8ef109e1_56193951_ec7e937b_1652c0bd_3bb1bf07_3573df88_3d2c34f1_ef451fd4_6b503f00n,
    },
  ],
])

export const curveNames: readonly string[] = [...curves.keys()]

/** Length of a coordinate; undefined if there is no such curve. */
export const coordinateBytes = (curve: string): number | undefined => curves.get(curve)?.bytes

export function isOnCurve(name: string, x: Uint8Array, y: Uint8Array): boolean {
  const curve = curves.get(name)
  if (curve === undefined) return false
  const { p, b } = curve
  const [left, right] = [number(x), number(y)]
  if (left >= p || right >= p) return false
  const difference = (right * right - (left * left * left - 3n * left + b)) % p
  return difference === 0n
}

const number = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
