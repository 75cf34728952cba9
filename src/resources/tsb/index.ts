// The door of Tetrate Service Bridge's kinds.
import type { KindDefinition } from '../dsl.ts'
import {
  accessBindings,
  gatewayAccessBindings,
  istioInternalAccessBindings,
  organizationAccessBindings,
  role,
  securityAccessBindings,
  serviceAccount,
  team,
  tenantAccessBindings,
  trafficAccessBindings,
  user,
  workspaceAccessBindings,
} from './access.ts'
import { auditLog } from './audit.ts'
import { cluster } from './cluster.ts'
import { directObject } from './direct-object.ts'
import { egressGateway, gateway, ingressGateway, tier1Gateway } from './gateways.ts'
import { gatewayGroup, istioInternalGroup, securityGroup, trafficGroup } from './groups.ts'
import { organization, organizationSetting, tenant, tenantSetting, workspace, workspaceSetting } from './hierarchy.ts'
import {
  controlPlane,
  installEgressGateway,
  installGateway,
  installIngressGateway,
  installTier1Gateway,
  managementPlane,
} from './install.ts'
import { onboardingPolicy, workloadAutoRegistration } from './onboarding.ts'
import { securitySetting, serviceSecuritySetting } from './security-setting.ts'
import { serviceRoute } from './service-route.ts'
import { serviceTrafficSetting, trafficSetting } from './traffic-setting.ts'

export type { AccessBindingsSpec, RoleSpec, TeamSpec, UserSpec } from './access.ts'
export { type ApiContent, type ApiObject, etagOf, placeOf, toApi, toStored } from './api-form.ts'
export type { AuditLogSpec } from './audit.ts'
export {
  type ApiKind,
  apiKinds,
  apiKindsNamed,
  apiKindsOf,
  type GroupType,
  groupTypes,
  kindLabel,
  type Level,
} from './catalog.ts'
export { namespaceNames } from './checks.ts'
export type { ClusterSpec } from './cluster.ts'
export { resourceStatus } from './common.ts'
export type { DirectObjectSpec } from './direct-object.ts'
export type { EgressGatewaySpec, GatewaySpec, IngressGatewaySpec, Tier1GatewaySpec } from './gateways.ts'
export type { GroupSpec, SecurityGroupSpec } from './groups.ts'
export type {
  OrganizationSettingSpec,
  OrganizationSpec,
  TenantSettingSpec,
  TenantSpec,
  WorkspaceSettingSpec,
  WorkspaceSpec,
} from './hierarchy.ts'
export {
  annotations,
  fqnOf,
  type Identified,
  type Identity,
  identityAnnotations,
  identityOf,
  isWithin,
  managementNamespace,
  missingLevel,
  parentFqn,
  parseFqn,
  storedName,
  tsbName,
} from './identity.ts'
export { type ControlPlaneSpec, externalAddressesAnnotation, type InstallGatewaySpec } from './install.ts'
export {
  closeness,
  contains,
  isSystemNamespace,
  type NamespacePattern,
  overlap,
  readNamespacePattern,
  selects,
} from './namespace-pattern.ts'
export type { OnboardingConfigurationSpec, OnboardingPolicySpec } from './onboarding.ts'
export { type ReadApiFile, type ReadApiObject, type ReadFor, readApiFile } from './read-file.ts'
export { authorizationModes } from './security-parts.ts'
export type { SecuritySettingSpec, ServiceSecuritySettingSpec } from './security-setting.ts'
export type { ServiceRouteSpec } from './service-route.ts'
export type { ServiceTrafficSettingSpec, TrafficSettingSpec } from './traffic-setting.ts'
export {
  accessBindings,
  auditLog,
  cluster,
  controlPlane,
  directObject,
  egressGateway,
  gateway,
  gatewayAccessBindings,
  gatewayGroup,
  ingressGateway,
  installEgressGateway,
  installGateway,
  installIngressGateway,
  installTier1Gateway,
  istioInternalAccessBindings,
  istioInternalGroup,
  managementPlane,
  onboardingPolicy,
  organization,
  organizationAccessBindings,
  organizationSetting,
  role,
  securityAccessBindings,
  securityGroup,
  securitySetting,
  serviceAccount,
  serviceRoute,
  serviceSecuritySetting,
  serviceTrafficSetting,
  team,
  tenant,
  tenantAccessBindings,
  tenantSetting,
  tier1Gateway,
  trafficAccessBindings,
  trafficGroup,
  trafficSetting,
  user,
  workloadAutoRegistration,
  workspace,
  workspaceAccessBindings,
  workspaceSetting,
}

/** Kinds of the management plane: the hierarchy, what is configured in it, and who may. */
export const managementKinds: readonly KindDefinition[] = [
  organization,
  organizationSetting,
  cluster,
  user,
  team,
  serviceAccount,
  tenant,
  tenantSetting,
  workspace,
  workspaceSetting,
  trafficGroup,
  trafficSetting,
  serviceTrafficSetting,
  serviceRoute,
  gatewayGroup,
  gateway,
  ingressGateway,
  egressGateway,
  tier1Gateway,
  securityGroup,
  securitySetting,
  serviceSecuritySetting,
  istioInternalGroup,
  directObject,
  role,
  accessBindings,
  organizationAccessBindings,
  tenantAccessBindings,
  workspaceAccessBindings,
  trafficAccessBindings,
  gatewayAccessBindings,
  securityAccessBindings,
  istioInternalAccessBindings,
]

/** Kinds that are applied in the cluster that they are for. */
export const clusterKinds: readonly KindDefinition[] = [
  installIngressGateway,
  installEgressGateway,
  installTier1Gateway,
  installGateway,
  controlPlane,
  managementPlane,
  onboardingPolicy,
  workloadAutoRegistration,
]

/** Every kind of Tetrate Service Bridge. */
export const tsbKinds: readonly KindDefinition[] = [...managementKinds, auditLog, ...clusterKinds]
