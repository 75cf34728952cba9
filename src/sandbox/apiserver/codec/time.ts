// Times as the API writes them: UTC, whole seconds (Time) or six digits after the point (MicroTime).

const rfc3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/

/** The canonical text of a time; undefined where the text is not RFC 3339. */
export function canonicalTime(text: string, digits: 0 | 6): string | undefined {
  const match = rfc3339.exec(text)
  if (!match) return undefined
  const [, date, clock, fraction = '', zone] = match
  const milliseconds = Date.parse(`${date}T${clock}${zone}`)
  if (Number.isNaN(milliseconds)) return undefined
  const seconds = new Date(milliseconds).toISOString().slice(0, 19)
  return digits === 0 ? `${seconds}Z` : `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

/** Now, in whole seconds. */
export function timestamp(at: Date = new Date()): string {
  return `${at.toISOString().slice(0, 19)}Z`
}
