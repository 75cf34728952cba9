export { type Answer, Load, type RequestPlan, send, sendMany, type Volume } from './client.ts'
export { type AnswerClass, classify, percent, shareDeviations, shareTolerance } from './shares.ts'
export { type TimedAnswer, type TimelineMark, timeline } from './timeline.ts'
