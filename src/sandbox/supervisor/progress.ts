/** A step of starting a sandbox: told when it begins, and when it is done. */
export interface ProgressEvent {
  readonly step: string
  readonly state: 'started' | 'done' | 'failed' | 'note'
  readonly detail?: string
  /** Of a step that ended. */
  readonly tookMs?: number
}

export type OnProgress = (event: ProgressEvent) => void

/** A step that failed: what, where its log is, what to do. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
  readonly step: string

  constructor(step: string, cause: unknown) {
    super(`${step}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.step = step
  }
}

/** Runs a step and tells of it. */
export async function runStep<T>(onProgress: OnProgress, step: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  const tookMs = (): number => Math.round(performance.now() - startedAt)
  onProgress({ step, state: 'started' })
  try {
    const value = await work()
    onProgress({ step, state: 'done', tookMs: tookMs() })
    return value
  } catch (error) {
    onProgress({
      step,
      state: 'failed',
      tookMs: tookMs(),
      detail: error instanceof Error ? error.message : String(error),
    })
    throw error instanceof StepFailed ? error : new StepFailed(step, error)
  }
}
