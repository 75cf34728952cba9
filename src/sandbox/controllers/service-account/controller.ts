// What each namespace gets by itself: the service account `default`, and the cluster's root certificate.
import { type KubeObject, objectKey } from '../../../resources/index.ts'
import { isApiError, resources, type Store } from '../client/index.ts'
import type { Namespace } from '../kinds.ts'
import type { Controller, ControllerContext } from '../runtime/controller.ts'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

export const serviceAccountController: Controller = {
  name: 'serviceaccount',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const accounts = context.store(resources.serviceAccounts)
    perNamespace(context, accounts, 'default', async (namespace) => {
      if (accounts.get(`${namespace}/default`)) return
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }
      accounts.put(await context.api.create(resources.serviceAccounts, account))
    })
  },
}

const rootName = 'kube-root-ca.crt'

export const rootCertificateController: Controller = {
  name: 'root-ca-cert-publisher',
  dutyOf: 'kube-controller-manager',
  setUp(context) {
    const root = context.certificateAuthority
    if (root === '') return
    const maps = context.store<ConfigMap>(resources.configMaps)
    const data = { 'ca.crt': root }
    perNamespace(context, maps, rootName, async (namespace) => {
      const existing = maps.get(`${namespace}/${rootName}`)
      if (existing?.data?.['ca.crt'] === root) return
      const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: rootName, namespace }, data }
      if (!existing) {
        const note = 'Contains a CA bundle that can be used to verify the API server of this cluster.'
        map.metadata.annotations = { 'kubernetes.io/description': note }
        maps.put(await context.api.create(resources.configMaps, map))
      } else maps.put(await context.api.update(resources.configMaps, { ...existing, data }))
    })
  },
}

function perNamespace<T extends KubeObject>(
  context: ControllerContext,
  store: Store<T>,
  name: string,
  ensure: (namespace: string) => Promise<void>,
): void {
  const namespaces = context.store<Namespace>(resources.namespaces)
  const queue = context.queue({
    reconcile: async (namespace) => {
      const found = namespaces.get(namespace)
      if (!found || found.metadata.deletionTimestamp !== undefined) return
      try {
        await ensure(namespace)
      } catch (error) {
        // Refused because the namespace has begun to go meanwhile.
        if (!isApiError(error, 'Forbidden', 'NotFound')) throw error
      }
    },
  })
  namespaces.listen((now) => now && queue.add(objectKey(now)))
  store.listen((now, before) => {
    const object = now ?? before
    if (object?.metadata.name === name) queue.add(object.metadata.namespace ?? '')
  })
}
