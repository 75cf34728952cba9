import { execFile } from 'node:child_process'

/** kubectl is missing, or it refused; the message is its own. */
export class KubectlError extends Error {}

/** Runs the user's kubectl and returns what it printed. */
export function kubectl(kubeconfig: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { signal, timeout: 60_000, maxBuffer: 16 << 20 }
    execFile('kubectl', ['--kubeconfig', kubeconfig, ...args], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      if (error.code === 'ENOENT') return reject(new KubectlError('there is no kubectl on PATH: install it first'))
      reject(new KubectlError(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`))
    })
  })
}

/** Repeats until `check` is content with what kubectl printed; the last answer is in the error if it never is. */
export async function kubectlUntil(
  kubeconfig: string,
  args: readonly string[],
  check: (printed: string) => boolean,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<string> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let last: string
    try {
      const printed = await kubectl(kubeconfig, args, signal)
      if (check(printed)) return printed
      last = printed.trim()
    } catch (error) {
      if (!(error instanceof KubectlError) || performance.now() >= deadline) throw error
      last = error.message
    }
    signal.throwIfAborted()
    if (performance.now() >= deadline) {
      throw new KubectlError(`kubectl ${args.join(' ')} still says ${JSON.stringify(last)} after ${withinMs / 1000} s`)
    }
    await new Promise((done) => setTimeout(done, 250))
  }
}
