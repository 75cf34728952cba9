// Programs run in the machine's own file system: paths below a pod's mounts are rewritten where we see them. Pure.

/** Mount path → real folder or file. */
export type Mounts = ReadonlyMap<string, string>

/** Rewrites every path in a text that is, or is below, a mount path. */
export function rewritePaths(text: string, mounts: Mounts): string {
  let result = text
  // Longest first, so that /etc/app/tls wins over /etc/app.
  for (const [path, real] of [...mounts].sort(([a], [b]) => b.length - a.length)) {
    const clean = path.replace(/\/+$/, '')
    if (clean === '') continue
    const pattern = new RegExp(`(?<![\\w./-])${clean.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.-])`, 'g')
    result = result.replace(pattern, () => real)
  }
  return result
}
