// Who may do what: Roles, ClusterRoles and their bindings, evaluated as Kubernetes' RBAC authorizer does.
import type { User } from '../core.ts'
import { type JsonObject, listAt, namespaceOf, objectAt, objectsAt, textAt } from '../json.ts'
import type { Store } from '../store.ts'

/** What a request wants to do. */
export type Action =
  | {
      readonly verb: string
      readonly group: string
      readonly resource: string
      readonly subresource: string
      readonly namespace: string
      readonly name: string
    }
  | { readonly verb: string; readonly path: string }

const rules = (role: JsonObject | undefined): JsonObject[] => objectsAt(role, 'rules')

const has = (list: readonly unknown[], value: string): boolean => list.includes('*') || list.includes(value)

function matchesResource(rule: JsonObject, resource: string, subresource: string): boolean {
  const wanted = subresource ? `${resource}/${subresource}` : resource
  return listAt(rule, 'resources').some(
    (r) => r === '*' || r === wanted || (subresource !== '' && r === `*/${subresource}`),
  )
}

/** Whether a rule allows an action. */
export function ruleAllows(rule: JsonObject, action: Action): boolean {
  if (!has(listAt(rule, 'verbs'), action.verb)) return false
  if ('path' in action) {
    return listAt(rule, 'nonResourceURLs').some(
      (url) =>
        url === '*' ||
        url === action.path ||
        (typeof url === 'string' && url.endsWith('*') && action.path.startsWith(url.slice(0, -1))),
    )
  }
  if (!has(listAt(rule, 'apiGroups'), action.group)) return false
  if (!matchesResource(rule, action.resource, action.subresource)) return false
  const names = listAt(rule, 'resourceNames')
  return names.length === 0 || names.includes(action.name)
}

function appliesTo(subject: JsonObject, user: User, bindingNamespace: string): boolean {
  const name = textAt(subject, 'name')
  switch (textAt(subject, 'kind')) {
    case 'User':
      return name === '*' || name === user.name
    case 'Group':
      return user.groups.includes(name)
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${textAt(subject, 'namespace') || bindingNamespace}:${name}`
    default:
      return false
  }
}

/** The rules that a user has in a namespace (cluster-wide ones included), one list per binding. */
export function* rulesFor(store: Store, user: User, namespace: string): Generator<JsonObject[]> {
  const roleOf = (binding: JsonObject): JsonObject | undefined => {
    const ref = objectAt(binding, 'roleRef')
    const kind = textAt(ref, 'kind')
    return kind === 'ClusterRole'
      ? store.get('rbac.authorization.k8s.io/clusterroles', '', textAt(ref, 'name'))?.object
      : store.get('rbac.authorization.k8s.io/roles', namespaceOf(binding), textAt(ref, 'name'))?.object
  }
  for (const { object } of store.list('rbac.authorization.k8s.io/clusterrolebindings')) {
    if (objectsAt(object, 'subjects').some((s) => appliesTo(s, user, ''))) yield rules(roleOf(object))
  }
  if (!namespace) return
  for (const { object } of store.list('rbac.authorization.k8s.io/rolebindings', namespace)) {
    if (objectsAt(object, 'subjects').some((s) => appliesTo(s, user, namespace))) yield rules(roleOf(object))
  }
}

export function isAllowed(store: Store, user: User, action: Action): boolean {
  if (user.groups.includes('system:masters')) return true
  const namespace = 'path' in action ? '' : action.namespace
  for (const list of rulesFor(store, user, namespace)) if (list.some((rule) => ruleAllows(rule, action))) return true
  return false
}

/** Why an action is refused, in the words of the API. */
export function refusal(user: User, action: Action): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${action.verb}`
  if ('path' in action) return `${who} path ${JSON.stringify(action.path)}`
  const resource = JSON.stringify(action.subresource ? `${action.resource}/${action.subresource}` : action.resource)
  const where = action.namespace ? `in the namespace ${JSON.stringify(action.namespace)}` : 'at the cluster scope'
  return `${who} resource ${resource} in API group ${JSON.stringify(action.group)} ${where}`
}
