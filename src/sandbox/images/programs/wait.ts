// Does nothing until it is told to end.
import { onEnd } from './serve.ts'

export function start(): void {
  const timer = setInterval(() => undefined, 1 << 30)
  onEnd(() => {
    clearInterval(timer)
    process.exit(0)
  })
}
