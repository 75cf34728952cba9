export type { Binding, EgressView, View, ViewKey } from './model.ts'
export { bindingInView, viewOf } from './view.ts'
