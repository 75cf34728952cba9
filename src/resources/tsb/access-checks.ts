// What the schemas cannot say, of roles and bindings.
import type { Place } from '../dsl.ts'
import type { AccessBindingsSpec, RoleSpec } from './access.ts'

export function checkRole(place: Place, { rules }: RoleSpec): void {
  place.field('rules').each(rules, (at, rule) => {
    if ((rule.permissions ?? []).length === 0) at.field('permissions').error('Required value', 'required')
  })
}

const subjectForms = {
  user: /^organizations\/[^/]+\/users\/[^/]+$/,
  team: /^organizations\/[^/]+\/teams\/[^/]+$/,
  serviceAccount: /^organizations\/[^/]+\/serviceaccounts\/[^/]+$/,
} as const

export function checkBindings(place: Place, { allow }: AccessBindingsSpec): void {
  place.field('allow').each(allow, (at, { role, subjects }) => {
    if (!role) at.field('role').error('Required value', 'required')
    else if (!/^rbac\/[^/]+$/.test(role))
      at.field('role').error(`Invalid value: ${JSON.stringify(role)}: must be rbac/NAME`)
    if ((subjects ?? []).length === 0) at.field('subjects').warn('nobody has the role')
    at.field('subjects').each(subjects, (item, subject) => {
      const given = Object.entries(subjectForms).filter(([form]) => form in subject)
      if (given.length === 0) item.error('one of user, team, serviceAccount must be set', 'required')
      for (const [form, pattern] of given) {
        const fqn = subject[form as keyof typeof subjectForms] ?? ''
        const path = `organizations/ORGANIZATION/${form.toLowerCase()}s/NAME`
        if (!pattern.test(fqn)) item.field(form).error(`Invalid value: ${JSON.stringify(fqn)}: must be ${path}`)
      }
    })
  })
}
