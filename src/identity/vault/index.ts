export { type SignedElsewhere, VaultAuthority } from './authority.ts'
export { VaultError } from './client.ts'
export type { VaultCredentials } from './session.ts'
export {
  type AccountToken,
  mountedBelow,
  type Place,
  settingsError,
  type VaultLogin,
  type VaultSettings,
} from './settings.ts'
