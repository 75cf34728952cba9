export { AuditRecorder } from './recorder.ts'
