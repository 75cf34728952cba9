export type { Binding, EgressView, View, ViewKey } from './model.ts'
export { viewOf } from './view.ts'
