// Secrets of type kubernetes.io/service-account-token: the token is put in, as long as the account is there.
import { type KubeObject, objectKey } from '../../../resources/index.ts'
import { isApiError, resources } from '../client/index.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'

interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

const tokenType = 'kubernetes.io/service-account-token'
const nameAnnotation = 'kubernetes.io/service-account.name'
const uidAnnotation = 'kubernetes.io/service-account.uid'
/** Such tokens are meant to last as long as their Secret. */
const tenYearsSeconds = 315_360_000

export const serviceAccountTokenController: Controller = {
  name: 'serviceaccount-token',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const secrets = context.store<Secret>(resources.secrets)
    const accounts = context.store(resources.serviceAccounts)
    const queue = context.queue({
      reconcile: async (key) => {
        const secret = secrets.get(key)
        if (!secret || !isTokenSecret(secret) || secret.metadata.deletionTimestamp !== undefined) return
        const { namespace = '' } = secret.metadata
        const account = accounts.get(`${namespace}/${accountOf(secret)}`)
        const uid = secret.metadata.annotations?.[uidAnnotation]
        if (!account || (uid !== undefined && uid !== account.metadata.uid)) {
          // The account of this token is no more: neither is the token.
          if (uid !== undefined) await context.api.delete(resources.secrets, secret.metadata)
          return
        }
        if (secret.data?.['token'] !== undefined && uid !== undefined) return
        secrets.put(await fill(context, secret, account))
      },
    })
    secrets.listen((now) => now && isTokenSecret(now) && queue.add(objectKey(now)))
    accounts.listen((now, before) => {
      const account = now ?? before
      for (const secret of secrets.list()) {
        const same = secret.metadata.namespace === account?.metadata.namespace
        if (same && isTokenSecret(secret) && accountOf(secret) === account?.metadata.name) queue.add(objectKey(secret))
      }
    })
  },
}

function isTokenSecret(secret: Secret): boolean {
  return secret.type === tokenType && accountOf(secret) !== ''
}

function accountOf(secret: Secret): string {
  return secret.metadata.annotations?.[nameAnnotation] ?? ''
}

async function fill(context: ControllerContext, secret: Secret, account: KubeObject): Promise<Secret> {
  const { namespace = '', name, uid = '' } = secret.metadata
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: tenYearsSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
  }
  const answer = await context.api.createSub<{ status: { token: string } }>(
    resources.serviceAccounts,
    namespace,
    account.metadata.name,
    'token',
    request,
  )
  const data = { token: answer.status.token, namespace, 'ca.crt': context.certificateAuthority }
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  const body = {
    metadata: { uid, annotations: { [uidAnnotation]: account.metadata.uid } },
    data: Object.fromEntries(encoded),
  }
  try {
    return await context.api.patch<Secret>(resources.secrets, secret.metadata, { type: 'merge', body })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return secret
    throw error
  }
}
