// Kinds that are questions, not objects: who am I, who is this token, may I, may they.

import { type Action, isAllowed, rulesFor } from '../auth/authorize.ts'
import { apiAudience } from '../auth/tokens.ts'
import { DecodeError, decodeBuiltin } from '../codec/builtin.ts'
import type { Core, User } from '../core.ts'
import { badRequest, invalid, invalidObject, required } from '../errors.ts'
import { clone, isObject, type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../json.ts'
import { typeOf } from '../kinds/define.ts'

export interface Review {
  readonly group: string
  readonly kind: string
  readonly plural: string
  readonly namespaced?: true
  /** The answer's status. Throws ApiError. */
  answer(core: Core, user: User, review: JsonObject, namespace: string): JsonObject
}

const texts = (values: readonly JsonValue[]): string[] => values.filter((v) => typeof v === 'string')

function userInfo(user: User): JsonObject {
  const extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]))
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: [...user.groups],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

/** The action that a review's spec asks about. Throws ApiError. */
function actionOf(kind: string, spec: JsonObject | undefined): Action {
  const resource = objectAt(spec, 'resourceAttributes')
  const path = objectAt(spec, 'nonResourceAttributes')
  if ((resource && path) || (!resource && !path)) {
    const why = resource
      ? 'cannot be specified in combination with resourceAttributes'
      : 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    throw invalidObject({ group: 'authorization.k8s.io', name: kind }, '', [
      resource ? invalid('spec.nonResourceAttributes', path, why) : invalid('spec.resourceAttributes', null, why),
    ])
  }
  if (path) return { verb: textAt(path, 'verb'), path: textAt(path, 'path') }
  return {
    verb: textAt(resource, 'verb'),
    group: textAt(resource, 'group'),
    resource: textAt(resource, 'resource'),
    subresource: textAt(resource, 'subresource'),
    namespace: textAt(resource, 'namespace'),
    name: textAt(resource, 'name'),
  }
}

function decision(core: Core, user: User, action: Action): JsonObject {
  return { allowed: isAllowed(core.store, user, action) }
}

function subjectOf(kind: string, spec: JsonObject | undefined): User {
  const name = textAt(spec, 'user')
  const groups = texts(listAt(spec, 'groups'))
  if (!name && groups.length === 0) {
    throw invalidObject({ group: 'authorization.k8s.io', name: kind }, '', [
      invalid('spec.user', '', 'at least one of user or group must be specified'),
    ])
  }
  return { name, uid: textAt(spec, 'uid'), groups, extra: {} }
}

function rulesStatus(core: Core, user: User, namespace: string): JsonObject {
  const resourceRules: JsonObject[] = []
  const nonResourceRules: JsonObject[] = []
  const isMaster = user.groups.includes('system:masters')
  if (isMaster) {
    resourceRules.push({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] })
    nonResourceRules.push({ verbs: ['*'], nonResourceURLs: ['*'] })
  }
  for (const rules of rulesFor(core.store, user, namespace)) {
    for (const rule of rules) {
      if (listAt(rule, 'nonResourceURLs').length > 0) {
        nonResourceRules.push({ verbs: listAt(rule, 'verbs'), nonResourceURLs: listAt(rule, 'nonResourceURLs') })
      } else {
        const { verbs = [], apiGroups = [], resources = [], resourceNames } = rule
        resourceRules.push({ verbs, apiGroups, resources, ...(resourceNames ? { resourceNames } : {}) })
      }
    }
  }
  return { resourceRules, nonResourceRules, incomplete: false }
}

function tokenStatus(core: Core, review: JsonObject): JsonObject {
  const token = textAt(review, 'spec', 'token')
  const asked = texts(listAt(review, 'spec', 'audiences'))
  const audiences = asked.length > 0 ? asked : [apiAudience]
  const user = token ? core.authenticator.token(token, audiences) : undefined
  if (!user) return { user: {}, error: '[invalid bearer token, token lookup failed]' }
  return { authenticated: true, user: userInfo(user), audiences: core.authenticator.audiencesOf(token, audiences) }
}

export const reviews: readonly Review[] = [
  {
    group: 'authentication.k8s.io',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    answer: (_core, user) => ({ userInfo: userInfo(user) }),
  },
  {
    group: 'authentication.k8s.io',
    kind: 'TokenReview',
    plural: 'tokenreviews',
    answer: (core, _user, review) => tokenStatus(core, review),
  },
  {
    group: 'authorization.k8s.io',
    kind: 'LocalSubjectAccessReview',
    plural: 'localsubjectaccessreviews',
    namespaced: true,
    answer(core, _user, review, namespace) {
      const action = actionOf('LocalSubjectAccessReview', objectAt(review, 'spec'))
      if ('path' in action || action.namespace !== namespace) {
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`)
      }
      return decision(core, subjectOf('LocalSubjectAccessReview', objectAt(review, 'spec')), action)
    },
  },
  {
    group: 'authorization.k8s.io',
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    answer: (core, user, review) => decision(core, user, actionOf('SelfSubjectAccessReview', objectAt(review, 'spec'))),
  },
  {
    group: 'authorization.k8s.io',
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    answer(core, user, review) {
      const namespace = textAt(review, 'spec', 'namespace')
      if (!namespace) {
        throw invalidObject({ group: 'authorization.k8s.io', name: 'SelfSubjectRulesReview' }, '', [
          required('spec.namespace'),
        ])
      }
      return rulesStatus(core, user, namespace)
    },
  },
  {
    group: 'authorization.k8s.io',
    kind: 'SubjectAccessReview',
    plural: 'subjectaccessreviews',
    answer(core, _user, review) {
      const spec = objectAt(review, 'spec')
      const action = actionOf('SubjectAccessReview', spec)
      return decision(core, subjectOf('SubjectAccessReview', spec), action)
    },
  },
]

/** Answers a review that was posted. Throws ApiError. */
export function answerReview(core: Core, user: User, review: Review, body: JsonObject, namespace: string): JsonObject {
  const type = typeOf(review.group, 'v1', review.kind)
  let decoded: JsonObject
  try {
    decoded = decodeBuiltin(type, clone(body), [])
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
  const { metadata, spec } = decoded
  return {
    kind: review.kind,
    apiVersion: `${review.group}/v1`,
    metadata: isObject(metadata) ? metadata : {},
    ...(spec === undefined ? {} : { spec }),
    status: review.answer(core, user, decoded, namespace),
  }
}
