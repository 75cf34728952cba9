import { once } from 'node:events'

/** Writes one line to standard output and waits while the reader is behind. */
export async function printLine(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
