// `tctl install`: manifests; and, for what the original installs otherwise, how it is done here.
import { Argument, type Command } from 'commander'
import { stringify } from 'yaml'
import { type KindDefinition, type KubeObject, toCrd } from '../../resources/index.ts'
import { istioKinds } from '../../resources/istio/index.ts'
import { auditLog, clusterKinds, managementKinds, managementNamespace } from '../../resources/tsb/index.ts'
import { attempt, TctlError } from './errors.ts'

const manifests: Readonly<Record<string, readonly KindDefinition[]>> = {
  'management-plane-operator': [...managementKinds, auditLog],
  'control-plane-operator': [...istioKinds, ...clusterKinds],
  'data-plane-operator': clusterKinds,
}

/** What the original does with a command of its own, and where it is done here. */
const elsewhere: Readonly<Record<string, string>> = {
  'image-sync': 'there are no images to copy: Fairlead is one package, and runs as one process',
  'cluster-service-account':
    'clusters join with: fairlead cluster add NAME --context CONTEXT; it makes the account that it needs',
  demo: 'the demonstration is the sandbox: fairlead sandbox up',
}

export function registerInstall(program: Command): void {
  const install = program.command('install').description('Manifests for clusters')
  install
    .command('manifest')
    .description('Print what a cluster must know: namespace and kinds')
    .addArgument(new Argument('<part>', 'which part').choices(Object.keys(manifests)))
    .action((part: string) =>
      console.log(
        manifestOf(part)
          .map((each) => stringify(each).trimEnd())
          .join('\n---\n'),
      ),
    )
  for (const [name, message] of Object.entries(elsewhere))
    install
      .command(name)
      .description(`Says how it is done here: ${message}`)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => attempt(false, () => Promise.reject(new TctlError(message))))
}

function manifestOf(part: string): KubeObject[] {
  const kinds = [...new Map((manifests[part] ?? []).map((kind) => [`${kind.group}/${kind.kind}`, kind])).values()]
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: managementNamespace } }
  return [...(part === 'management-plane-operator' ? [namespace] : []), ...kinds.map(toCrd)]
}
