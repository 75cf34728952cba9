import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** How long nothing may have happened before memory is given back, and what is worth the pause. */
const quietMs = 3000
const worthBytes = 48 << 20

/**
 * Gives memory back to the system when nothing happens. After a burst (start, many proxies at once) V8 keeps twice what
 * it needs, since another burst may follow; for a process that is idle most of its life that is too much. The collection
 * takes a few tenths of a second, which is why it waits for a quiet moment, and for enough to collect.
 */
export function giveBackWhenQuiet(activity: () => number): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect // Made by the flag; Node has no types for it.
  let seen = -1
  let since = 0
  let settled = 0
  const timer = setInterval(() => {
    const now = performance.now()
    const current = activity()
    if (current !== seen) {
      seen = current
      since = now
      return
    }
    const { rss } = process.memoryUsage()
    if (now - since < quietMs || rss - settled < worthBytes) return
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    settled = process.memoryUsage().rss
  }, 1000)
  timer.unref()
  return () => clearInterval(timer)
}
