// Istio's tcp-echo: repeats each line with a word in front. Arguments: ports with commas between, and the word.
import { createInterface } from 'node:readline'
import { serveTcp } from './serve.ts'

export function start(args: readonly string[]): void {
  const [ports = '9000', prefix = 'hello'] = args
  serveTcp(ports.split(',').map(Number), (socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      if (socket.writable) socket.write(`${prefix} ${line}\n`)
    })
  })
}
