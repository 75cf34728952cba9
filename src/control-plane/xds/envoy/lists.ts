import { typeUrls } from '../../../ads/index.ts'
import {
  type CredentialKey,
  credential,
  extensionsAdded,
  fixedClusterNames,
  httpProxyPort,
  listenersAdded,
  localProxyListener,
  outboundListener,
  outboundListenerKeys,
  outboundRouteNames,
  wantedSecrets,
} from '../../../backends/envoy/index.ts'
import type { World } from '../../../discovery/index.ts'
import { unreachable } from '../../../lib/index.ts'
import { ownAddresses, type Proxy, type ProxyScope, scopeOf, withEntry } from '../../../mesh/index.ts'
import type { Listed } from '../backend.ts'
import { versionOf } from '../encode.ts'
import { demandClass, isNamed, specLists, specText } from './cluster-specs.ts'
import {
  clusterClass,
  type EnvoyList,
  type EnvoyResource,
  endpointClass,
  listenerClass,
  own,
  patchClass,
  shortText,
  viewClass,
} from './keys.ts'
import { ownResources } from './resources.ts'

export function lists(world: World, connected: Proxy, typeUrl: string): EnvoyList[] {
  const proxy = withEntry(world, connected)
  const scope = scopeOf(world, proxy)
  switch (typeUrl) {
    case typeUrls.cluster: {
      const patched = patchClass(scope, 'clusters')
      return [
        { kind: 'fixed-clusters', text: `fixed-clusters ${viewClass(scope)}${patched}`, scope },
        scope.onDemand
          ? { kind: 'demanded-clusters', text: `demanded clusters ${demandClass(scope)}${patched}`, scope }
          : clusterList(world, scope),
        own('clusters', proxy),
      ]
    }
    case typeUrls.endpoint: {
      if (scope.onDemand)
        return [{ kind: 'demanded-endpoints', text: `demanded endpoints ${demandClass(scope)}`, scope }]
      const specs = world.get(specLists, scope)
      return [{ kind: 'endpoints', text: `endpoints ${specs.digest} ${endpointClass(scope)}`, specs, scope }]
    }
    case typeUrls.listener:
      return listenerLists(scope, proxy)
    case typeUrls.route:
      return [{ kind: 'routes', text: `routes ${viewClass(scope)}${patchClass(scope, 'routes')}`, scope }]
    case typeUrls.virtualHost: {
      const text = `hosts ${viewClass(scope)}${patchClass(scope, 'routes')}`
      return scope.onDemand ? [{ kind: 'demanded-hosts', text, scope }] : []
    }
    case typeUrls.extension: {
      const patched = patchClass(scope, 'extensions')
      return patched === '' ? [] : [{ kind: 'extensions', text: `extensions${patched}`, scope }]
    }
    case typeUrls.secret: {
      const names = wantedSecrets(world, scope, proxy)
      const place = { cluster: scope.cluster, namespace: scope.namespace }
      const text = `secrets ${place.cluster} ${place.namespace} ${versionOf(names.join('\n'))}`
      return names.length === 0 ? [] : [{ kind: 'secrets', text, place, names }]
    }
    default:
      return []
  }
}

function clusterList(world: World, scope: ProxyScope): EnvoyList {
  const specs = world.get(specLists, scope)
  const place = specs.someNamed ? endpointClass(scope) : ''
  const text = `clusters ${specs.digest} ${clusterClass(scope)} ${place}${patchClass(scope, 'clusters')}`
  return { kind: 'clusters', text, specs, scope }
}

function listenerLists(scope: ProxyScope, proxy: Proxy): EnvoyList[] {
  const extras = listenerClass(scope)
  const patched = patchClass(scope, 'listeners')
  const added: EnvoyList[] =
    patched === '' || scope.type === 'gateway'
      ? []
      : [{ kind: 'added-listeners', text: `added-listeners${patched}`, scope }]
  const shared: EnvoyList =
    scope.type === 'sidecar' && scope.dataPath === 'loopback'
      ? { kind: 'explicit-proxy', text: `explicit-proxy ${ownAddresses(proxy).join()}${extras}`, proxy, scope }
      : { kind: 'listeners', text: `listeners ${viewClass(scope)}${extras}`, scope }
  return [shared, ...added, own('listeners', proxy)]
}

export function list(world: World, key: EnvoyList): Listed<EnvoyResource>[] {
  switch (key.kind) {
    case 'clusters': {
      const own = `${clusterClass(key.scope)}${patchClass(key.scope, 'clusters')}`
      const place = key.specs.someNamed ? endpointClass(key.scope) : ''
      return [...key.specs.specs].map(([name, spec]) => {
        const text = shortText('cluster', specText(spec), isNamed(spec) ? `${own} ${place}` : own)
        return { name, key: { kind: 'cluster', text, spec, scope: key.scope } }
      })
    }
    case 'fixed-clusters': {
      const { scope } = key
      const text = `${viewClass(scope)}${patchClass(scope, 'clusters')}`
      return fixedClusterNames(world, scope).map((name) => ({
        name,
        key: { kind: 'fixed-cluster', text: `fixed ${name} ${text}`, name, scope },
      }))
    }
    case 'own':
      return world
        .get(ownResources, key)
        .map(({ name }) => ({ name, key: { ...key, name, text: `${key.text} ${name}` } }))
    case 'endpoints': {
      const place = endpointClass(key.scope)
      return [...key.specs.specs].map(([name, spec]) => ({
        name,
        key: { kind: 'endpoints', text: shortText('endpoints', specText(spec), place), spec, scope: key.scope },
      }))
    }
    case 'listeners':
      return listeners(world, key.scope)
    case 'explicit-proxy':
      return [
        { name: 'virtualOutbound', key },
        {
          name: 'http_in_tunnel',
          key: { kind: 'tunnel', text: `tunnel${listenerClass(key.scope)}`, scope: key.scope },
        },
      ]
    case 'added-listeners':
      return listenersAdded(world, key.scope, 'outbound').map(({ resource: { name } }) => ({
        name,
        key: { kind: 'added-listener', text: `${key.text} ${name}`, name, scope: key.scope },
      }))
    case 'extensions':
      return extensionsAdded(world, key.scope).map(({ resource: { name } }) => ({
        name,
        key: { kind: 'extension', text: `${key.text} ${name}`, name, scope: key.scope },
      }))
    case 'routes': {
      const { scope } = key
      const text = `${viewClass(scope)}${patchClass(scope, 'routes')}`
      return outboundRouteNames(world, scope).map((name) => ({
        name,
        key: { kind: 'route', text: `route ${name} ${text}`, name, scope },
      }))
    }
    case 'demanded-hosts':
    case 'demanded-clusters':
    case 'demanded-endpoints':
      return []
    case 'secrets':
      return key.names.map((name) => {
        const own: CredentialKey = { ...key.place, name }
        return { name, key: { kind: 'secret', text: `secret ${credential.keyOf(own)}`, credential: own } }
      })
    default:
      return unreachable(key)
  }
}

function listeners(world: World, scope: ProxyScope): Listed<EnvoyResource>[] {
  const own = outboundListenerKeys(world, scope).map((key): Listed<EnvoyResource> => {
    const text = `listener ${versionOf(outboundListener.keyOf(key))}${listenerClass(scope)}`
    return { name: key.plan.name, key: { kind: 'listener', text, key, scope } }
  })
  if (scope.type !== 'sidecar' || scope.dataPath === 'loopback') return own
  const text = `${viewClass(scope)}${listenerClass(scope)}`
  if (scope.interception !== 'NONE')
    own.push({ name: 'virtualOutbound', key: { kind: 'capturing-listener', text: `capturing ${text}`, scope } })
  const port = httpProxyPort(world)
  if (port !== undefined) {
    const { name } = localProxyListener(world, scope, port)
    own.push({ name, key: { kind: 'local-proxy', text: `local-proxy ${port} ${text}`, port, scope } })
  }
  return own
}
