import type { Answer, SandboxSpec } from '../../sandbox/index.ts'
import type { Row } from './picture.ts'

/** What a step of a guide works with. */
export interface GuideRun {
  readonly kubeconfig: string
  readonly signal: AbortSignal
  /** Keeps a file in the demo's folder and returns its path, so that the user can look at what was applied. */
  writeFile(name: string, text: string): string
}

/** A pod that calls, or a gateway that is called from outside. */
export type Caller = { readonly context: string; readonly namespace: string } & (
  | { readonly deployment: string }
  | { readonly gateway: string; readonly port: number }
)

/** Something that happens while requests go on, and where they go afterwards. */
export interface Act {
  /** One character that marks it in the picture. */
  readonly sign: string
  readonly name: string
  run(run: GuideRun): Promise<void>
  /** Share of each row, in the end; rows that are not named get nothing. */
  readonly wanted: Readonly<Record<string, number>>
}

/** A guide that the demo shows: clusters, what is applied to them, and where requests then go. */
export interface Guide {
  readonly name: string
  readonly title: string
  readonly spec: SandboxSpec
  /** A step may return lines to be shown below it. */
  readonly steps: readonly { readonly name: string; run(run: GuideRun): Promise<readonly string[] | void> }[]
  /** Whose requests are measured. */
  readonly caller: Caller
  /** Of a gateway only the path. */
  readonly url: string
  readonly rows: readonly Row[]
  /** How far a share may be off, where no policy says it: between pods of one cluster Envoy goes by who is less busy. */
  readonly tolerance?: number
  /** What happens next, and where requests go then; each is measured like the first state. */
  readonly phases?: readonly {
    readonly name: string
    run(run: GuideRun): Promise<void>
    readonly rows: readonly Row[]
  }[]
  /** The row of an answer, by its header `x-served-by`. */
  rowOf(servedBy: string): string | undefined
  /** What happens after the measurement, while requests go on. */
  readonly acts?: readonly Act[]
  /** Requests of somebody else, sent during the acts in turn with the caller's; they have a row of their own. */
  readonly beside?: {
    readonly name: string
    readonly caller: Caller
    readonly url: string
    isGood(answer: Answer): boolean
  }
  /** Requests per second during the acts. */
  readonly ratePerSecond?: number
  /** Begins to count who calls whom; what it returns draws the calls since the last time. Shown before and after acts. */
  callGraph?(run: GuideRun): Promise<() => Promise<string[]>>
  /** Commands to try next. */
  readonly next: readonly string[]
}
