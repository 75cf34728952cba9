import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** How long nothing may have happened before memory is given back, and what is worth the pause. */
const quietMs = 3000
const worthBytes = 48 << 20
/** CPU time within a look's distance up to which nothing has happened. */
const idleMicros = 50_000
const lookMs = 1000

/**
 * Gives memory back to the system when nothing happens. After a burst (start, many proxies at once) V8 keeps twice what
 * it needs, since another burst may follow; for a process that is idle most of its life that is too much. The collection
 * takes a few tenths of a second, which is why it waits for a quiet moment, and for enough to collect.
 */
export function giveBackWhenQuiet(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect // Made by the flag; Node has no types for it.
  let since = 0
  let settled = 0
  let before = process.cpuUsage()
  const timer = setInterval(() => {
    const now = performance.now()
    const { user, system } = process.cpuUsage(before)
    before = process.cpuUsage()
    if (user + system > idleMicros) since = now
    const { rss } = process.memoryUsage()
    if (now - since < quietMs || rss - settled < worthBytes) return
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    settled = process.memoryUsage().rss
  }, lookMs)
  timer.unref()
  return () => clearInterval(timer)
}
