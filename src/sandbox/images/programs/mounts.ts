// Pods are not isolated from the machine's files: a mount path is found through the environment.

/** Real path of a path below one of the pod's mounts; the same path if it is below none. */
export function mounted(path: string): string {
  const mounts = JSON.parse(process.env['FAIRLEAD_MOUNTS'] ?? '{}') as Record<string, string>
  for (const [from, to] of Object.entries(mounts)) {
    if (path === from || path.startsWith(`${from}/`)) return to + path.slice(from.length)
  }
  return path
}
