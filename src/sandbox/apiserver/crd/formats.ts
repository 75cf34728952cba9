// String formats that schemas may name. Formats that the API does not know are not checked.

const uuid = (version: string): RegExp =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i')
const ipv4 = /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/
const hostname = /^([a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\.?$/
const dateTime = /^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/
const goDuration = /^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*)$/
const scalaDuration =
  /^\s*(\d+(\.\d+)?)\s*(ns|nano|nanos|nanosecond|nanoseconds|us|µs|micro|micros|microsecond|microseconds|ms|milli|millis|millisecond|milliseconds|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hour|hours|d|day|days|w|week|weeks)\s*$/
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

function isIPv6(text: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':')) return false
  try {
    return new URL(`http://[${text}]/`).hostname.length > 2
  } catch {
    return false
  }
}

function isCidr(text: string): boolean {
  const [address = '', bits = ''] = text.split('/')
  if (!/^\d+$/.test(bits)) return false
  return ipv4.test(address) ? Number(bits) <= 32 : isIPv6(address) && Number(bits) <= 128
}

function isUri(text: string): boolean {
  if (text.startsWith('/')) return true
  try {
    return new URL(text).protocol !== ''
  } catch {
    return false
  }
}

function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`))
}

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  uri: isUri,
  email: (t) => /^[^@\s]+@[^@\s]+$/.test(t),
  hostname: (t) => t.length <= 255 && hostname.test(t),
  ipv4: (t) => ipv4.test(t),
  ipv6: isIPv6,
  cidr: isCidr,
  mac: (t) => /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(t) || /^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/.test(t),
  uuid: (t) => uuid('[0-9a-f]').test(t),
  uuid3: (t) => uuid('3').test(t),
  uuid4: (t) => uuid('4').test(t),
  uuid5: (t) => uuid('5').test(t),
  hexcolor: (t) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(t),
  ssn: (t) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(t),
  byte: (t) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(t),
  date: isDate,
  'date-time': (t) => dateTime.test(t),
  datetime: (t) => dateTime.test(t),
  duration: (t) => goDuration.test(t) || scalaDuration.test(t),
  'k8s-short-name': (t) => t.length <= 63 && label.test(t),
  'k8s-long-name': (t) => t.length <= 253 && subdomain.test(t),
}

/** Whether a text is of a format; true for formats that are not checked. */
export const matchesFormat = (format: string, text: string): boolean => checks[format]?.(text) ?? true

const known = new Set([
  ...Object.keys(checks),
  'bsonobjectid',
  'isbn',
  'isbn10',
  'isbn13',
  'creditcard',
  'rgbcolor',
  'password',
  'int32',
  'int64',
  'float',
  'double',
])

export const isKnownFormat = (format: string): boolean => known.has(format)
